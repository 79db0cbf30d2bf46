// SPDX-License-Identifier: Apache-2.0
//! The pod: stats-post, the proxy, and kopia, started and ended in the kubelet's order.

use std::path::Path;

use anyhow::{Context, ensure};
use testbed::compare;

use crate::broker::Broker;
use crate::counts::totals;
use crate::ground::Ground;
use crate::kopia;
use crate::post::Life;
use crate::process::{Ended, Process};
use crate::proxy::Proxy;

/// Kopia has found the repository.
pub(crate) struct Connected {
    post: Process,
    proxy: Proxy,
    connect: Process,
}

/// Kopia restores.
pub(crate) struct Pod {
    pub(crate) post: Process,
    pub(crate) proxy: Proxy,
    pub(crate) connect: Process,
    pub(crate) restore: Process,
}

impl Connected {
    pub(crate) fn start(
        ground: &Ground,
        broker: &Broker,
        post: &Life<'_>,
        kopia: &Path,
    ) -> anyhow::Result<Connected> {
        let post = post.start(ground)?;
        let proxy = Proxy::ready(ground, &broker.url())?;
        let mut connect = kopia::connect(ground, &broker.url(), &proxy, kopia)?;
        connect.end_well()?;
        Ok(Connected { post, proxy, connect })
    }

    pub(crate) fn restore(self, ground: &Ground, kopia: &Path) -> anyhow::Result<Pod> {
        let Connected { post, proxy, connect } = self;
        let restore = kopia::restore(ground, &proxy, kopia)?;
        Ok(Pod { post, proxy, connect, restore })
    }
}

impl Pod {
    /// On a narrow line, which the story widens.
    pub(crate) fn start(ground: &Ground, broker: &Broker, kopia: &Path) -> anyhow::Result<Pod> {
        let url = ground.control_plane_url();
        let connected = Connected::start(ground, broker, &Life::usual(&url), kopia)?;
        ground.narrow();
        connected.restore(ground, kopia)
    }

    /// Waits until so much has happened while kopia restores.
    pub(crate) fn until(&mut self, what: &str, is: impl Fn() -> bool) -> anyhow::Result<()> {
        let waited = self.restore.run.wait_until(kopia::LIMIT, what, |_| is());
        waited.with_context(|| self.proxy.process.run.story())
    }

    /// Waits until the store has served so many access keys more.
    pub(crate) fn uses_keys(&mut self, ground: &Ground, more: usize) -> anyhow::Result<()> {
        let keys = || ground.store.counts().keys_with_ok_data();
        let enough = keys() + more;
        self.until(&format!("{more} more access keys are used"), || keys() >= enough)
    }

    /// Sets roll over, and progress is told, while kopia restores.
    pub(crate) fn rolls_over(&mut self, ground: &Ground) -> anyhow::Result<()> {
        self.uses_keys(ground, 2)?;
        self.until("progress is told twice", || totals(ground).is_ok_and(|told| told >= 2))
    }

    /// Kopia ends, and the tree is back.
    pub(crate) fn restores(&mut self, ground: &Ground) -> anyhow::Result<()> {
        ground.widen();
        self.restore.end_well().with_context(|| self.proxy.process.run.story())?;
        let summary = compare(&ground.seed.tree(), &ground.path("restored"))?;
        ensure!(summary == ground.seed.summary, "{summary:?} came back");
        let counts = ground.store.counts();
        ensure!(counts.failed == 0, "the store refused requests: {counts:?}");
        Ok(())
    }

    /// The companions end, the last one first.
    pub(crate) fn ends(&mut self) -> anyhow::Result<Ended> {
        self.proxy.process.stop_well()?;
        self.post.stop_well()
    }
}
