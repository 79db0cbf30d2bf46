// SPDX-License-Identifier: Apache-2.0
//! The stage: store, issuer and proxy, running, with everything of theirs in one temporary folder.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;
use testbed::{Ca, EarlyRevocation, Issuer, IssuerConfig, StaticPair, Store, StoreConfig};

use super::chain::{Chain, Told};
use super::kopia::{Kopia, Repository, Security};
use super::metrics::Metrics;
use super::places;
use super::proxy::Proxy;
use super::snapshots::Snapshots;
use crate::interrupt::Interrupt;

/// Where kopia writes through the proxy.
const PROXIED: &str = "proxied";
/// Where kopia writes without it.
const DIRECT: &str = "direct";
/// Where etcd's snapshots are written, through the proxy.
const SNAPSHOTS: &str = "snapshots";

/// Fields end in this order: first who calls, last who is called, then the folder.
pub(super) struct Stage {
    proxy: Proxy,
    chain: Option<Chain>,
    pub(super) issuer: Issuer,
    pub(super) store: Store,
    ca: Ca,
    pair: StaticPair,
    kopia: PathBuf,
    interrupt: Interrupt,
    folder: TempDir,
}

/// Where the proxy's credentials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supply {
    /// The issuer itself, which can be made to fail at the right moment.
    Issuer,
    /// A control plane and our broker before it, and reports go back.
    Chain,
}

impl Stage {
    /// Starts everything; credentials live for `lifetime`.
    pub(super) fn open(
        interrupt: &Interrupt,
        supply: Supply,
        lifetime: Duration,
        early_revocation: EarlyRevocation,
    ) -> anyhow::Result<Stage> {
        let kopia = places::kopia()?;
        let folder = tempfile::Builder::new().prefix("pilotfish-demo-").tempdir();
        let folder = folder.context("a temporary folder")?;
        let (ca, pair) = (Ca::new()?, StaticPair::random());
        let store = Store::start(StoreConfig {
            buckets: [PROXIED, DIRECT, SNAPSHOTS].map(str::to_owned).to_vec(),
            tls: Some(&ca),
            static_pairs: vec![pair.clone()],
            early_revocation,
            ..StoreConfig::new(folder.path().join("store"))
        })?;
        let issuer = Issuer::start(IssuerConfig::new(store.keyring(), lifetime))?;
        let chain = match supply {
            Supply::Issuer => None,
            Supply::Chain => Some(Chain::start(&folder.path().join("chain"), &issuer)?),
        };
        let (broker, tallies) = match &chain {
            Some(chain) => (chain.url(), chain.tallies()),
            None => (issuer.url(), folder.path().join("tallies.json")),
        };
        let proxy = Proxy::start(&folder.path().join("proxy"), &store, &broker, &tallies, &ca)?;
        let interrupt = interrupt.clone();
        Ok(Stage { proxy, chain, issuer, store, ca, pair, kopia, interrupt, folder })
    }

    /// A path in the temporary folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A kopia of its own for a repository behind the proxy.
    pub(super) fn proxied(&self) -> anyhow::Result<Kopia> {
        let url = self.proxy.caller("AWS_ENDPOINT_URL_S3")?;
        self.kopia_at(Repository {
            endpoint: url.trim_start_matches("http://").to_owned(),
            security: Security::Plain,
            bucket: PROXIED,
            access_key_id: self.proxy.caller("AWS_ACCESS_KEY_ID")?.to_owned(),
            secret: self.proxy.caller("AWS_SECRET_ACCESS_KEY")?.to_owned(),
        })
    }

    /// A kopia of its own for a repository at the store itself, with a pair that never dies.
    pub(super) fn direct(&self) -> anyhow::Result<Kopia> {
        self.kopia_at(Repository {
            endpoint: self.store.url().trim_start_matches("https://").to_owned(),
            security: Security::Tls { ca: self.ca.pem_path().to_owned() },
            bucket: DIRECT,
            access_key_id: self.pair.access_key_id.clone(),
            secret: self.pair.secret.clone(),
        })
    }

    /// Our snapshot programs, which write through the proxy.
    pub(super) fn snapshots(&self) -> anyhow::Result<Snapshots> {
        let folder = self.path("snapshots");
        std::fs::create_dir_all(&folder)?;
        let (caller, interrupt) = (self.proxy.caller_env().clone(), self.interrupt.clone());
        Ok(Snapshots { caller, bucket: SNAPSHOTS, folder, interrupt })
    }

    fn kopia_at(&self, repository: Repository) -> anyhow::Result<Kopia> {
        let home = self.path(&format!("kopia-{}", repository.bucket));
        Kopia::new(self.kopia.clone(), home, repository, self.interrupt.clone())
    }

    pub(super) fn metrics(&self) -> anyhow::Result<Metrics> {
        Metrics::of(&self.proxy)
    }

    /// Ends everything in good order and removes the folder; what was seen of the chain, if there was one.
    pub(super) fn close(self) -> anyhow::Result<Option<Told>> {
        let Stage { proxy, chain, issuer, store, folder, .. } = self;
        proxy.stop()?;
        let told = chain.map(Chain::close).transpose()?;
        issuer.stop();
        store.stop();
        folder.close().context("the temporary folder cannot be removed")?;
        Ok(told)
    }
}
