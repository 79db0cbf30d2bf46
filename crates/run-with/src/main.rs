// SPDX-License-Identifier: Apache-2.0
//! `run-with`: waits for files, asks for a repository's password, fills the environment from files, then
//! becomes the command.
//!
//! It is for images without a shell. After the exec nothing of it is left: process id, signals, output
//! and exit code are the command's own. Values of variables appear in no message and no log line.

mod args;
mod env_file;
mod environment;
mod password;
mod replace;
mod variable;
mod wait;

use std::process::ExitCode;

use sidecar::{Outcome, Stop};

use crate::args::{Args, Plan};

fn main() -> ExitCode {
    sidecar::main::<Args, _, _>("run-with", run)
}

/// Returns only if it fails: a success is the command's, not ours.
async fn run(plan: Plan, stop: Stop) -> anyhow::Result<Outcome> {
    let limit = plan.wait_timeout;
    tokio::try_join!(
        wait::for_files(&plan.wait_for, limit, &stop),
        password::fetch(plan.password, limit, &stop),
    )?;
    let environment = environment::gather(plan.sources, &stop).await?;
    match replace::this_process(&plan.command, environment)? {}
}
