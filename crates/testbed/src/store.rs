// SPDX-License-Identifier: Apache-2.0
//! An S3 server in process that verifies every signature and lets credentials die on time.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::S3ServiceBuilder;

use crate::access::{Access, Hosts};
use crate::backend::Backend;
use crate::ca::{Ca, TlsFiles};
use crate::gate::{self, Gate};
use crate::holds::Holds;
use crate::host::Host;
use crate::issuer::Counter;
use crate::keyring::{EarlyRevocation, Issued, Keyring, StaticPair};
use crate::ledger::{Counts, Ledger, Seen};
use crate::shelf::Shelf;
use crate::tap::Hold;

/// How the store hands an answer to TCP; `TCP_NODELAY` is always on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Segments {
    /// The head and a small body leave together.
    #[default]
    Together,
    /// The head leaves in a segment of its own, before the body.
    HeadFirst,
}

/// How far the store's clock is off; its `Date` header and its verdict follow it, the life of
/// credentials does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Skew {
    /// The clock is right.
    #[default]
    None,
    /// The store lives in the future.
    Ahead(Duration),
    /// The store lives in the past.
    Behind(Duration),
}

impl Skew {
    fn secs(self) -> i64 {
        let secs = |by: Duration| i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        match self {
            Skew::None => 0,
            Skew::Ahead(by) => secs(by),
            Skew::Behind(by) => -secs(by),
        }
    }
}

/// What a store is to be like.
pub struct StoreConfig<'a> {
    /// The folder of its objects; a store that is started again on it finds them.
    pub root: PathBuf,
    /// Buckets that are there from the start.
    pub buckets: Vec<String>,
    /// Serves TLS too, with a certificate for loopback and `*.s3.test`.
    pub tls: Option<&'a Ca>,
    /// Serves TLS too, with this certificate.
    pub tls_files: Option<TlsFiles>,
    /// Where to listen, without TLS if there is no `tls`; port 0 takes any.
    pub listen: SocketAddr,
    /// Pairs that never die.
    pub static_pairs: Vec<StaticPair>,
    /// The only region that is accepted in a signature; any if `None`.
    pub region: Option<String>,
    /// Whether head and body share a segment.
    pub segments: Segments,
    /// Which sets die before their time.
    pub early_revocation: EarlyRevocation,
    /// The error of its clock.
    pub skew: Skew,
}

impl<'a> StoreConfig<'a> {
    /// A plain store over a folder, with one bucket called `bucket`.
    pub fn new(root: impl Into<PathBuf>) -> StoreConfig<'a> {
        StoreConfig {
            root: root.into(),
            buckets: vec!["bucket".to_owned()],
            tls: None,
            tls_files: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            static_pairs: Vec::new(),
            region: None,
            segments: Segments::default(),
            early_revocation: EarlyRevocation::default(),
            skew: Skew::default(),
        }
    }
}

/// A running store; it ends when it is dropped.
pub struct Store {
    host: Host,
    addr: SocketAddr,
    plain_addr: SocketAddr,
    scheme: &'static str,
    keyring: Arc<Keyring>,
    ledger: Arc<Ledger>,
    skew_secs: Arc<AtomicI64>,
    holds: Holds,
}

impl Store {
    /// Starts a store; when this returns, it accepts connections.
    pub fn start(config: StoreConfig<'_>) -> anyhow::Result<Store> {
        let shelf = Shelf::open(&config.root, &config.buckets)
            .with_context(|| format!("the store's folder {}", config.root.display()))?;
        let keyring = Arc::new(Keyring::new(&config.static_pairs, config.early_revocation));
        let ledger = Arc::new(Ledger::default());
        let skew_secs = Arc::new(AtomicI64::new(config.skew.secs()));
        let holds = Holds::default();
        let gate = Arc::new(Gate {
            service: service(Arc::new(shelf), config.region.clone(), &keyring),
            ledger: Arc::clone(&ledger),
            hold: match config.segments {
                Segments::Together => Hold::None,
                Segments::HeadFirst => Hold::UntilHeadLeft,
            },
            holds: holds.clone(),
            region: config.region.clone(),
            skew_secs: Arc::clone(&skew_secs),
            serial: AtomicU64::new(0),
        });
        let host = Host::start("testbed-store", 2)?;
        let (listener, addr) = host
            .bind(config.listen)
            .with_context(|| format!("the store cannot listen on {}", config.listen))?;
        let serve = move |leg| gate::serve(Arc::clone(&gate), leg);
        let tls = match &config.tls_files {
            Some(files) => Some(files.server_config()?),
            None => config.tls.map(Ca::server_config_for_loopback).transpose()?,
        };
        let (mut plain_addr, mut scheme) = (addr, "http");
        if tls.is_some() {
            let (plain, at) = host.bind(SocketAddr::new(config.listen.ip(), 0))?;
            (plain_addr, scheme) = (at, "https");
            host.accept(plain, None, serve.clone());
        }
        host.accept(listener, tls, serve);
        Ok(Store { host, addr, plain_addr, scheme, keyring, ledger, skew_secs, holds })
    }

    /// Where it listens: with TLS if it was configured, else plain.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `https://localhost:PORT` with TLS, else `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        match self.scheme {
            "https" => format!("https://localhost:{}", self.addr.port()),
            _ => self.http_url(),
        }
    }

    /// Where it listens without TLS, which it always does.
    pub fn http_addr(&self) -> SocketAddr {
        self.plain_addr
    }

    /// The URL of [`Store::http_addr`].
    pub fn http_url(&self) -> String {
        format!("http://{}", self.plain_addr)
    }

    /// Its credentials, to share with an issuer.
    pub fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring)
    }

    /// Issues a set that dies after `lifetime`.
    pub fn issue(&self, lifetime: Duration) -> Issued {
        self.keyring.issue(lifetime)
    }

    /// Ends a set at once; `false` if it was not alive.
    pub fn revoke(&self, access_key_id: &str) -> bool {
        self.keyring.revoke(access_key_id)
    }

    /// Changes which of the sets issued from now on die before their time.
    pub fn revoke_early(&self, early: EarlyRevocation) {
        self.keyring.set_early_revocation(early);
    }

    /// Puts the store's clock elsewhere.
    pub fn set_skew(&self, skew: Skew) {
        self.skew_secs.store(skew.secs(), Ordering::Relaxed);
    }

    /// The sums so far.
    pub fn counts(&self) -> Counts {
        self.ledger.counts()
    }

    /// Tells the sums to another, for as long as that one lives.
    pub fn counter(&self) -> Counter {
        let ledger = Arc::clone(&self.ledger);
        Box::new(move || ledger.counts())
    }

    /// What makes its callers wait.
    pub fn holds(&self) -> Holds {
        self.holds.clone()
    }

    /// The last [`crate::LOG_LIMIT`] requests, oldest first.
    pub fn log(&self) -> Vec<Seen> {
        self.ledger.log()
    }

    /// Forgets counts and log.
    pub fn reset_counts(&self) {
        self.ledger.reset();
    }

    /// Ends the store; when this returns, its ports refuse connections.
    pub fn stop(mut self) {
        self.host.stop();
    }
}

fn service(
    shelf: Arc<Shelf>,
    region: Option<String>,
    keyring: &Arc<Keyring>,
) -> s3s::service::S3Service {
    let mut config = S3Config::default();
    // The gate judges the clock, by the store's own time.
    config.presigned_url_max_skew_time_secs = u32::MAX;
    let access = Access { keyring: Arc::clone(keyring), shelf: Arc::clone(&shelf) };
    let mut builder = S3ServiceBuilder::new(Backend::new(shelf, region));
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    builder.set_auth(access.clone());
    builder.set_access(access);
    builder.set_host(Hosts);
    builder.build()
}
