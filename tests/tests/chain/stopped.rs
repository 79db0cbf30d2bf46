// SPDX-License-Identifier: Apache-2.0
//! SIGTERM in mid-run: what is on its way arrives, and what was moved is told once.

use std::path::Path;

use anyhow::ensure;

use crate::broker::Broker;
use crate::counts::{check_progress, check_report, totals};
use crate::ground::{Ground, HOUR, Logs};
use crate::pod::Pod;

/// So much has moved that the run is under way.
const UNDER_WAY: u64 = 2 << 20;

pub(crate) fn tell(kopia: &Path) -> anyhow::Result<()> {
    let ground = Ground::open(kopia, HOUR, Logs::Usual)?;
    let broker = Broker::start(&ground)?;
    let mut pod = Pod::start(&ground, &broker, kopia)?;
    pod.until("the run is under way", || ground.meter.sent() > UNDER_WAY)?;
    pod.until("progress is told", || totals(&ground).is_ok_and(|told| told > 0))?;
    pod.proxy.process.run.terminate()?;
    let draining = pod.proxy.process.wait_for("draining")?;
    ensure!(draining["connections"].as_u64() > Some(0), "kopia was served: {draining}");
    ground.widen();
    pod.proxy.process.end_well()?;
    ensure!(pod.restore.run.exited().is_none_or(|status| !status.success()), "in mid-run");
    pod.restore.run.kill().ok();
    pod.post.stop_well()?;
    let reported = check_report(&ground)?;
    check_progress(&ground, reported)?;
    let (counts, all) = (ground.store.counts(), ground.seed.summary.bytes);
    ensure!(counts.cut == 0 && counts.failed == 0, "the drain cut requests: {counts:?}");
    ensure!(reported.received_payload < all, "{} of {all} bytes", reported.received_payload);
    println!("stopped after {} of {all} bytes, {draining}", reported.received_payload);
    Ok(())
}
