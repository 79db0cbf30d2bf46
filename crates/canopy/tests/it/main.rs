// SPDX-License-Identifier: Apache-2.0
//! The client against `stub-canopy`, over both ways, and with what goes wrong on them.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod bounds;
mod device;
mod endpoints;
mod failures;
mod ground;
mod page;
mod secrets;
mod socks;
mod ways;
