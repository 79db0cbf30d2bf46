// SPDX-License-Identifier: Apache-2.0
//! `stats-post`: a native sidecar that posts what its neighbours moved: progress while they run, and the
//! final tallies once, at the end.
//!
//! It is declared before the proxy, so that the kubelet ends it after the proxy: at its SIGTERM the
//! neighbours' files are final. `neighbours` reads them, `report` says what they say, `target` puts it in
//! the form that the server reads, `spool` keeps it, `deliver` posts it until it is heard. Whatever goes
//! wrong here never fails the data job: what could not be delivered ends with exit 2.

mod about;
mod address;
mod answer;
mod args;
mod canopy_form;
mod deliver;
mod ended;
mod form;
mod http;
mod last_word;
mod life;
mod metrics;
mod neighbours;
mod progress;
mod report;
mod resolve;
mod secret_files;
mod sender;
mod small_file;
mod spool;
mod steps;
mod tallies;
mod target;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use sidecar::{Outcome, Stop};

use crate::args::Args;
use crate::resolve::Plan;

fn main() -> ExitCode {
    sidecar::main::<Args, _, _>("stats-post", run)
}

async fn run(plan: Plan, stop: Stop) -> anyhow::Result<Outcome> {
    Box::pin(life::live(plan, stop, steps::told())).await
}
