// SPDX-License-Identifier: Apache-2.0
//! From the start of the process until callers may come: credentials read, port file written.

use anyhow::Context;

use super::figure::{Figures, Unit};
use super::say;
use super::series::median;
use super::stage::Stage;

const STARTS: usize = 21;
const GOAL_MS: f64 = 30.0;

pub(super) fn measure(stage: &Stage, figures: &mut Figures) -> anyhow::Result<()> {
    say(&format!("{STARTS} cold starts"));
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        stage.interrupt.check()?;
        times.push(stage.fresh_proxy("auto")?.start.as_secs_f64() * 1e3);
    }
    let middle = median(&times).context("no start was measured")?;
    figures.judge("cold start to ready", middle, Unit::Milliseconds, GOAL_MS);
    Ok(())
}
