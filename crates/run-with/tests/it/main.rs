// SPDX-License-Identifier: Apache-2.0
//! `run-with` from outside: what it waits for, what the command sees, and what is left of itself.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod become_command;
mod environment;
mod harness;
mod password;
mod usage;
mod wait;
