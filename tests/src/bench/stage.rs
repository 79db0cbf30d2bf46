// SPDX-License-Identifier: Apache-2.0
//! What stands during a run: the origin, and the routes to it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;
use testbed::{Ca, StaticPair};

use super::connection::{Connection, Peer};
use super::meter;
use super::proxy::{Proxy, ProxyConfig};
use super::relay::Relay;
use super::request::{Ask, Caller, Prepared};
use super::route::Route;
use super::upstream::{Kind, Upstream};
use crate::interrupt::Interrupt;

/// Fields end in this order: first who calls, last who is called, then the folder.
pub(super) struct Stage {
    auto: Proxy,
    preserve: Proxy,
    relay: Relay,
    upstream: Upstream,
    tls: Arc<rustls::ClientConfig>,
    pub(super) ca: Ca,
    /// What the store accepts.
    pub(super) pair: StaticPair,
    pub(super) interrupt: Interrupt,
    folder: TempDir,
}

impl Stage {
    pub(super) fn open(kind: Kind, interrupt: &Interrupt) -> anyhow::Result<Stage> {
        let folder = tempfile::Builder::new().prefix("pilotfish-bench-").tempdir();
        let folder = folder.context("a temporary folder")?;
        let (ca, pair) = (Ca::new()?, StaticPair::random());
        let upstream = Upstream::start(kind, folder.path(), &ca, &pair)?;
        let relay = Relay::start(folder.path(), &upstream, &ca)?;
        let tls = ca.client_config()?;
        let proxy = |payload| {
            Proxy::start(&ProxyConfig { upstream: upstream.url(), ca: &ca, payload, pair: &pair })
        };
        let (auto, preserve) = (proxy("auto")?, proxy("preserve")?);
        let interrupt = interrupt.clone();
        Ok(Stage { auto, preserve, relay, upstream, tls, ca, pair, interrupt, folder })
    }

    /// One more proxy to the same origin, that nobody has used yet.
    pub(super) fn fresh_proxy(&self, payload: &'static str) -> anyhow::Result<Proxy> {
        let upstream = self.upstream.url();
        Proxy::start(&ProxyConfig { upstream, ca: &self.ca, payload, pair: &self.pair })
    }

    /// A path in the temporary folder.
    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Where a client of this route connects.
    pub(super) fn peer(&self, route: Route) -> Peer {
        let plain = |addr| Peer { addr, tls: None };
        match route {
            Route::Direct => Peer { addr: self.upstream.addr(), tls: Some(Arc::clone(&self.tls)) },
            Route::Relay => plain(self.relay.addr()),
            Route::Auto => plain(self.auto.addr()),
            Route::Preserve => plain(self.preserve.addr()),
        }
    }

    /// A request for this route, signed by whom it expects.
    pub(super) fn prepare(&self, route: Route, ask: Ask) -> anyhow::Result<Prepared> {
        let caller = match route {
            Route::Auto => self.auto.caller().clone(),
            Route::Preserve => self.preserve.caller().clone(),
            // The origin looks at no signature: it is there for its bytes.
            Route::Direct | Route::Relay => {
                let StaticPair { access_key_id, secret, .. } = self.pair.clone();
                Caller { id: access_key_id, secret }
            }
        };
        ask.prepare(self.peer(route).addr, &caller)
    }

    pub(super) fn connect(&self, route: Route) -> anyhow::Result<Connection> {
        Connection::open(&self.peer(route)).with_context(|| format!("route {}", route.name()))
    }

    /// The processor time that the process between client and origin has used so far; `None` where
    /// there is none.
    pub(super) fn cpu(&self, route: Route) -> anyhow::Result<Option<Duration>> {
        self.process(route).map(meter::cpu).transpose()
    }

    fn process(&self, route: Route) -> Option<u32> {
        match route {
            Route::Direct => None,
            Route::Relay => Some(self.relay.process()),
            Route::Auto => Some(self.auto.process()),
            Route::Preserve => Some(self.preserve.process()),
        }
    }
}
