// SPDX-License-Identifier: Apache-2.0
//! The process contract, seen from outside: a real process of `examples/contract.rs`.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod exits;
mod flags;
mod harness;
mod install;
mod logs;
mod probe;
mod signals;
