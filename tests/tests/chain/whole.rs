// SPDX-License-Identifier: Apache-2.0
//! The whole chain, as it should be.

use std::path::Path;

use anyhow::ensure;

use crate::broker::Broker;
use crate::counts::{check_progress, check_report, totals};
use crate::ground::{GROUP, Ground, Logs, RUN, SECONDS, TYPE};
use crate::pod::Pod;

pub(crate) fn tell(kopia: &Path) -> anyhow::Result<()> {
    let ground = Ground::open(kopia, SECONDS, Logs::Usual)?;
    let broker = Broker::start(&ground)?;
    let mut pod = Pod::start(&ground, &broker, kopia)?;
    pod.rolls_over(&ground)?;
    pod.restores(&ground)?;
    let slowed = pod.proxy.process.metric("s3_resign_proxy_slowdowns_total");
    pod.ends()?;
    let reported = check_report(&ground)?;
    check_progress(&ground, reported)?;
    let granted = granted(&ground)?;
    let counts = ground.store.counts();
    let keys = counts.keys_with_ok_data();
    ensure!(keys >= 3, "{keys} access keys");
    ensure!(counts.cut == 0, "requests were given up: {counts:?}");
    println!(
        "{granted} sets granted, {keys} access keys used, {} requests, asked to wait {slowed} times, \
         {} totals of progress",
        counts.requests,
        totals(&ground)?
    );
    println!("the broker: {}", broker.stats());
    Ok(())
}

/// The control plane knows who asked, and for which run; how often it granted a set.
fn granted(ground: &Ground) -> anyhow::Result<u64> {
    for post in ground.stub().captured() {
        let is_grant = post.path == "/restore-credentials";
        ensure!(!is_grant || post.certificate.is_some(), "a device without a certificate");
        ensure!(
            post.unknown.is_empty(),
            "outside the contract: {:?} {:?}",
            post.path,
            post.unknown
        );
    }
    let issued = ground.stub().issued();
    ensure!(issued.len() == 1, "one asker: {issued:?}");
    let one = &issued[0];
    let asker = (one.group.as_deref(), one.type_.as_str(), one.run_id.as_deref());
    ensure!(asker == (Some(GROUP), TYPE, Some(RUN)), "{one:?}");
    Ok(one.count)
}
