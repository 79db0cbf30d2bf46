// SPDX-License-Identifier: Apache-2.0
//! What the stub promises to the tests that are built on it.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod contract;
mod faults;
mod ground;
mod issuing;
mod process;
mod reports;
