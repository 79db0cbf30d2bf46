// SPDX-License-Identifier: Apache-2.0
//! `run-with` from outside: what it waits for, what the command sees, and what is left of itself.

mod become_command;
mod environment;
mod harness;
mod usage;
mod wait;
