// SPDX-License-Identifier: Apache-2.0
//! A broker that is restarted in mid-restore, and forgets what it held.

use std::path::Path;

use anyhow::ensure;

use crate::broker::Broker;
use crate::counts::check_report;
use crate::ground::{Ground, Logs, SECONDS};
use crate::pod::Pod;

pub(crate) fn tell(kopia: &Path) -> anyhow::Result<()> {
    let ground = Ground::open(kopia, SECONDS, Logs::Usual)?;
    let broker = Broker::start(&ground)?;
    let mut pod = Pod::start(&ground, &broker, kopia)?;
    pod.uses_keys(&ground, 1)?;
    let before = broker.audit().len();
    let broker = broker.again(&ground)?;
    pod.uses_keys(&ground, 1)?;
    pod.restores(&ground)?;
    let slowed = pod.proxy.process.metric("s3_resign_proxy_slowdowns_total");
    pod.ends()?;
    check_report(&ground)?;
    let after = broker.audit();
    ensure!(after.iter().any(|line| line["origin"] == "issued"), "the next one issued: {after:?}");
    println!(
        "{before} grants before the restart, {} after it; {} access keys; asked to wait {slowed} times",
        after.len(),
        ground.store.counts().keys_with_ok_data()
    );
    Ok(())
}
