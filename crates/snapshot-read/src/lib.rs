// SPDX-License-Identifier: Apache-2.0
//! `snapshot-read`: lists snapshots, gets one verified, tells all facts of a file or an object. It needs
//! no more than the right to list and to read.

mod args;
mod get;
mod inspect;
mod list;
mod object;

use std::io::Write as _;
use std::process::ExitCode;

use sidecar::{Exit, Failure, Outcome, Stop};

use crate::args::{Args, Plan};

/// The program, from its flags to its exit code.
#[must_use]
pub fn main() -> ExitCode {
    sidecar::main::<Args, _, _>("snapshot-read", read)
}

async fn read(plan: Plan, stop: Stop) -> anyhow::Result<Outcome> {
    let reading = async {
        match plan {
            Plan::List(plan) => list::list(plan).await,
            Plan::Get(plan) => get::get(plan).await,
            Plan::Inspect(plan) => inspect::inspect(plan).await,
        }
    };
    tokio::select! {
        result = reading => result,
        () = stop.requested() => {
            Err(Failure::new(Exit::Stopped, anyhow::anyhow!("stopped when asked; no file was written")))
        }
    }
}

/// Prints to where the caller reads.
fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
