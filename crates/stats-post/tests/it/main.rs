// SPDX-License-Identifier: Apache-2.0
//! `stats-post` from outside: what a server hears, and how the process ends where it hears nothing.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod control_plane;
mod disk;
mod end;
mod forms;
mod harness;
mod lives;
mod neighbours;
mod progress;
mod secrets;
mod usage;
