// SPDX-License-Identifier: Apache-2.0
//! `restore-localize`: an init step. It fetches a snapshot, verifies it, makes it right for this pod, and
//! swaps it in atomically; a second run changes nothing.
//!
//! A restore's way is the list in `steps`: each one can be killed, and the next run goes on from there.
//! The live directory only ever holds nothing, or a complete restore.

mod args;
mod bind;
mod bump;
mod check;
mod claims;
mod commit;
mod confirm;
mod disk;
mod disk_file;
mod download;
mod ids;
mod marker;
mod member;
mod objects;
mod peers;
mod plan;
mod progress;
mod prove;
mod rejoin;
mod resolve;
mod restore;
mod room;
mod staging;
mod steps;
#[cfg(test)]
mod tests;
mod tool;
mod verify;
mod version;
mod volume;
mod voters;
mod warnings;

use std::process::ExitCode;

use sidecar::{Outcome, Stop};

use crate::resolve::Task;

/// The program, from its flags to its exit code.
#[must_use]
pub fn main() -> ExitCode {
    sidecar::main::<args::Args, _, _>("restore-localize", run)
}

async fn run(task: Task, stop: Stop) -> anyhow::Result<Outcome> {
    match task {
        Task::Pass => {
            Ok(Outcome::done("no --generation is set: nothing is restored, nothing was touched"))
        }
        Task::Settled(settled) => Ok(settled.outcome()),
        Task::Restore(job) => Box::pin(restore::restore(*job, stop)).await,
        Task::Plan(job, form) => plan::plan(*job, form, stop).await,
        Task::Confirm(plan) => confirm::confirm(*plan, stop).await,
        Task::Prove(plan) => Box::pin(prove::prove(*plan, stop)).await,
        Task::Rejoin(job) => rejoin::rejoin(*job, stop).await,
    }
}
