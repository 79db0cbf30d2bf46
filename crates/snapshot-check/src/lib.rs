// SPDX-License-Identifier: Apache-2.0
//! `snapshot-check`: are the backups that should exist fresh, complete and readable?
//!
//! `look` reads what a store holds into findings, `deep` reads the bytes too, `report` says it. Exit 0 is
//! good, 65 bad, 69 "cannot tell": what could not be looked at is never called good.

mod args;
mod deep;
mod finding;
mod look;
mod metrics;
mod report;
mod serve;
mod strangers;

use std::io::Write as _;
use std::process::ExitCode;

use sidecar::{Exit, Failure, Outcome, Stop};

use crate::args::{Args, Plan};

/// The program, from its flags to its exit code.
#[must_use]
pub fn main() -> ExitCode {
    sidecar::main::<Args, _, _>("snapshot-check", check)
}

async fn check(plan: Plan, stop: Stop) -> anyhow::Result<Outcome> {
    if let Some(every) = plan.every {
        return serve::serve(plan, every, stop).await;
    }
    let report = tokio::select! {
        report = look::look(&plan) => report,
        () = stop.requested() => {
            return Err(Failure::new(Exit::Stopped, anyhow::anyhow!("stopped when asked")));
        }
    };
    let text = if plan.json { report.json()? } else { report.text() };
    std::io::stdout().write_all(text.as_bytes())?;
    if let Some(path) = &plan.metrics_file {
        metrics::write(path, &report)?;
    }
    Ok(report.outcome())
}
