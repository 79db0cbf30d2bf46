// SPDX-License-Identifier: Apache-2.0
//! One command of a client, run to its end, or to Ctrl-C.

use std::time::Duration;

use anyhow::{Context, ensure};
use testbed::{Running, Spawn, wait_until};

use crate::interrupt::Interrupt;

/// No command should take longer, outages included.
const LIMIT: Duration = Duration::from_secs(1800);

/// Runs a command that must succeed; what it wrote is in what comes back.
pub(super) fn run(name: &str, command: Spawn, interrupt: &Interrupt) -> anyhow::Result<Running> {
    interrupt.check()?;
    let mut run = command.start()?;
    let mut status = None;
    wait_until(LIMIT, &format!("{name} ends"), || {
        status = run.exited();
        status.is_some() || interrupt.is_asked()
    })?;
    interrupt.check()?;
    let status = status.with_context(|| format!("{name} has ended"))?;
    ensure!(status.success(), "{name} failed ({status})\n{}", run.story());
    Ok(run)
}
