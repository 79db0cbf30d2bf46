// SPDX-License-Identifier: Apache-2.0
//! stats-post killed when its report has arrived and it does not know it yet.

use std::path::Path;

use anyhow::ensure;
use testbed::{Fault, FaultPlan, Front, FrontConfig, Lost, Match, wait_until};

use crate::broker::Broker;
use crate::counts::check_report;
use crate::ground::{Ground, HOUR, Logs};
use crate::pod::Connected;
use crate::post::{Life, reports};
use crate::process::SOON;

pub(crate) fn tell(kopia: &Path) -> anyhow::Result<()> {
    let ground = Ground::open(kopia, HOUR, Logs::Usual)?;
    let broker = Broker::start(&ground)?;
    let way = silent(&ground)?;
    let url = way.url();
    let mut pod =
        Connected::start(&ground, &broker, &Life::usual(&url), kopia)?.restore(&ground, kopia)?;
    pod.restores(&ground)?;
    pod.proxy.process.stop_well()?;
    pod.post.run.terminate()?;
    wait_until(SOON, "the report arrives", || !reports(&ground).is_empty())?;
    ensure!(pod.post.run.exited().is_none(), "it waits for the answer");
    pod.post.run.kill()?;
    way.plan(FaultPlan::none());
    let mut next = Life { name: "next", ..Life::usual(&url) }.start(&ground)?;
    let ended = next.stop_well()?;
    check_report(&ground)?;
    let captured = ground.stub().captured();
    let report = captured.iter().find(|post| post.path.contains("/canopy-stats/"));
    let repeats = report.map(|report| report.repeats);
    ensure!(repeats == Some(1), "it came again, by its key: {repeats:?}");
    println!("the next start: {}", ended.last_word.lines().next().unwrap_or_default());
    Ok(())
}

/// A way to the control plane on which the answer to a report never comes.
fn silent(ground: &Ground) -> anyhow::Result<Front> {
    let lost = Fault::LoseAnswer(Lost::Silence);
    let plan = FaultPlan::one(Match::any().target("/canopy-stats/"), lost);
    let ca = Some(&ground.ca);
    let config = FrontConfig::new(ground.control_plane());
    Front::start(FrontConfig { tls: ca, upstream_tls: ca, plan, ..config })
}
