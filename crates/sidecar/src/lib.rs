// SPDX-License-Identifier: Apache-2.0
//! What every container process does before and after its own work: flags with env twins, logs,
//! signals, exit codes, termination message, probe.
//!
//! A program's `main.rs` is one line, `sidecar::main("name", run)`, and `run` gets its resolved plan
//! and a [`Stop`]. This crate knows no domain crate.

mod build_info;
mod halt;
mod install;
mod logs;
mod outcome;
mod probe;
mod program;
mod run;
mod stop;
mod termination;
pub mod testing;

pub use build_info::{BuildInfo, build_info};
pub use flags::{Given, Problems, Size, Span};
pub use halt::Halt;
pub use outcome::{Exit, Failure, Outcome};
pub use program::{LogFormat, Logs, ProcessArgs, Program};
pub use run::main;
pub use small_file::{FOR_ALL, replace_file};
pub use stop::{Stop, Trigger};
