// SPDX-License-Identifier: Apache-2.0
//! A broker that restarts, and one that is away for longer than a set lives, while kopia restores.
//!
//! The line to the store is narrow until both have happened, so that the restore cannot end before.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use testbed::{FaultPlan, Issuer, IssuerConfig, Running, compare, wait_until};

use crate::bed::Bed;
use crate::kopia::LIMIT;
use crate::proxy::Proxy;

const LIFETIME: Duration = Duration::from_secs(3);
const NARROW: u64 = 700_000;

/// A restore under way, and what it depends on.
struct Scene {
    bed: Bed,
    proxy: Proxy,
    restore: Running,
}

pub(crate) fn tell(program: &Path) -> anyhow::Result<()> {
    let bed = Bed::open()?;
    let tree = bed.tree(160, 24 << 20)?;
    let snapshot = {
        let kopia = bed.direct(program)?;
        kopia.create()?;
        kopia.snapshot(&tree)?
    };
    let front = bed.front()?;
    let broker = Issuer::start(IssuerConfig::new(bed.store.keyring(), LIFETIME))?;
    let proxy = Proxy::start(&bed, "restart", &broker.url(), &front.url())?;
    let kopia = proxy.kopia(program)?;
    kopia.run(kopia.connect())?;
    let restored = bed.path("restored");
    front.plan(FaultPlan::none().throttled(NARROW));
    let restore = kopia.restore(&snapshot, &restored).start()?;
    let mut scene = Scene { bed, proxy, restore };
    scene.works_on("before anything happens")?;
    let broker = scene.restarts(broker)?;
    let broker = scene.is_away(broker)?;
    front.plan(FaultPlan::none());
    let status = scene.restore.wait(LIMIT)?;
    ensure!(status.success(), "kopia ended with {status}\n{}", scene.restore.story());
    let summary = compare(&tree, &restored)?;
    let (counts, asked) = (scene.bed.store.counts(), broker.requests());
    ensure!(counts.failed == 0, "the store refused requests: {counts:?}");
    println!(
        "restored {} files over {} sets of credentials; the caller was asked to wait {} times; \
         the last broker was asked {asked} times",
        summary.files,
        counts.keys_with_ok_data(),
        scene.proxy.metric("slowdowns_total")
    );
    Ok(())
}

impl Scene {
    /// Gone and back at once: nobody notices.
    fn restarts(&mut self, broker: Issuer) -> anyhow::Result<Issuer> {
        let broker = self.again(broker, |_| Ok(()))?;
        self.works_on("after the restart")?;
        let slowed = self.proxy.metric("slowdowns_total");
        ensure!(slowed == 0, "the restart was noticed {slowed} times\n{}", self.proxy.story());
        Ok(broker)
    }

    /// Away until the held set has ended: the caller is asked to wait, and goes on.
    fn is_away(&mut self, broker: Issuer) -> anyhow::Result<Issuer> {
        let broker = self.again(broker, |scene| scene.proxy.slowed(1))?;
        self.works_on("after the outage")?;
        Ok(broker)
    }

    /// Another broker on the same port, which knows nothing of the first one.
    fn again(
        &mut self,
        broker: Issuer,
        meanwhile: impl FnOnce(&mut Scene) -> anyhow::Result<()>,
    ) -> anyhow::Result<Issuer> {
        let listen = broker.addr();
        broker.stop();
        meanwhile(self)?;
        let config = IssuerConfig::new(self.bed.store.keyring(), LIFETIME);
        Issuer::start(IssuerConfig { listen, ..config })
    }

    /// Waits until two more sets have read data, while the restore goes on.
    fn works_on(&mut self, when: &str) -> anyhow::Result<()> {
        let keys = || self.bed.store.counts().keys_with_ok_data();
        let wanted = keys() + 2;
        wait_until(LIMIT, "two more sets are used", || {
            keys() >= wanted || self.restore.exited().is_some()
        })
        .with_context(|| self.proxy.story())?;
        ensure!(self.restore.exited().is_none(), "it ended {when}\n{}", self.restore.story());
        Ok(())
    }
}
