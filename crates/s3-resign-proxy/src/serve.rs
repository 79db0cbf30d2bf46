// SPDX-License-Identifier: Apache-2.0
//! The process: opens what it needs, serves until asked to stop, and says what it moved.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use admin::{Admin, AdminAt, Readiness};
use anyhow::Context;
use credential::Live;
use serde_json::json;
use sidecar::{Exit, Failure, Outcome, Stop};
use sigv4::KeyCache;

use crate::accept::accept_until;
use crate::caller::Caller;
use crate::complaints::Complaints;
use crate::config::{Config, Listen, PayloadMode, is_exposed};
use crate::document::Document;
use crate::follow::{NeighbourFiles, follow_credentials, reread_secret, write_stats};
use crate::gate::Gate;
use crate::listen::{self, Bound};
use crate::metrics::{self, Metrics};
use crate::proxy::Proxy;
use crate::regions::Regions;
use crate::traffic::{self, Tallies, Traffic};
use crate::upstream::{self, Upstream};

/// Signing keys held: a few credential generations in a few regions.
const KEYS: usize = 16;

/// Runs the proxy until it is asked to stop.
pub(crate) async fn serve(config: Config, stop: Stop) -> anyhow::Result<Outcome> {
    let bound = listen::bind(&config.listen, kept_port(config.port_file.as_deref()))?;
    let at = AdminAt { admin: admin_addresses(&config.admin), metrics: config.metrics };
    let admin = Admin::bind(&at).await?;
    let caller = Arc::new(Caller::open(config.caller.clone())?);
    let upstream = Upstream::open(&config.store)?;
    let provider = credential::open(&config.source, config.broker.clone())
        .map_err(|error| Failure::new(Exit::Usage, error))?;
    upstream::warm_up();
    let live = Live::start(provider, credential::Settings::default());
    let traffic = Arc::new(Traffic::continued(kept_tallies(config.stats_file.as_deref())));
    let metrics = Metrics::default();

    let readiness = Readiness::default();
    let credentials = readiness.guard("credentials");
    let registry = Arc::new(metrics::registry(&metrics, &traffic, &live));
    let told = Arc::clone(&traffic);
    admin.serve(readiness, registry, Arc::new(move || json!(told.tallies())), &stop);
    announce(&config, &bound, &upstream);
    let files = NeighbourFiles::new(&config, &bound, Arc::clone(&caller));
    tokio::spawn(follow_credentials(live.clone(), credentials, files));
    tokio::spawn(write_stats(config.stats_file.clone(), Arc::clone(&traffic)));
    tokio::spawn(reread_secret(Arc::clone(&caller)));

    let Bound { listeners, .. } = bound;
    let stats_file = config.stats_file.clone();
    let told = Arc::clone(&traffic);
    let proxy = Arc::new(open_proxy(config, caller, upstream, live.clone(), traffic, metrics));
    accept_until(proxy, listeners, &stop).await;
    finish(stats_file.as_deref(), &told.tallies(), &live)
}

fn open_proxy(
    config: Config,
    caller: Arc<Caller>,
    upstream: Upstream,
    live: Live,
    traffic: Arc<Traffic>,
    metrics: Metrics,
) -> Proxy {
    Proxy {
        gate: Gate::new(Arc::clone(&caller)),
        policy: config.policy,
        payload: payload_mode(config.store.payload, &upstream),
        region: config.store.region,
        upstream,
        regions: Regions::default(),
        live,
        keys: KeyCache::new(KEYS),
        clock_offset: AtomicI64::new(0),
        limits: config.limits,
        traffic,
        metrics,
        complaints: Complaints::default(),
        document: config.serve_credentials.then(|| Document::new(caller)),
    }
}

/// Without TLS, bytes upstream have no other protection than their signatures: chunks are signed again.
fn payload_mode(asked: PayloadMode, upstream: &Upstream) -> PayloadMode {
    if upstream.is_tls() { asked } else { PayloadMode::Preserve }
}

/// The port of an earlier run. Text that is no port is no promise to anybody.
fn kept_port(port_file: Option<&Path>) -> Option<u16> {
    std::fs::read_to_string(port_file?).ok()?.trim().parse().ok().filter(|port| *port != 0)
}

/// The tallies of an earlier run; a file that cannot be read is not a reason to stop a backup.
fn kept_tallies(stats_file: Option<&Path>) -> Tallies {
    let Some(path) = stats_file else { return Tallies::default() };
    traffic::read(path).unwrap_or_else(|error| {
        tracing::warn!(
            error = format!("{error:#}"),
            "earlier tallies are lost, counting from zero"
        );
        Tallies::default()
    })
}

fn admin_addresses(listen: &Listen) -> Vec<SocketAddr> {
    match *listen {
        Listen::Localhost(port) => {
            vec![(Ipv6Addr::LOCALHOST, port).into(), (Ipv4Addr::LOCALHOST, port).into()]
        }
        Listen::Address(address) => vec![address],
    }
}

fn announce(config: &Config, bound: &Bound, upstream: &Upstream) {
    tracing::info!(
        endpoint = bound.url(),
        upstream = upstream.authority(),
        region = config.store.region,
        credentials = %config.source,
        mode = ?config.policy.mode,
        bucket = config.policy.bucket,
        prefix = config.policy.prefix,
        "listening"
    );
    if is_exposed(&config.listen) {
        tracing::warn!(
            "the listener is not on loopback: whoever has the callers' key can reach it over the network"
        );
    }
    if config.policy.prefix.as_deref().is_some_and(|prefix| !prefix.ends_with('/')) {
        tracing::warn!(
            "--prefix does not end in a slash: keys of longer names that begin with it are allowed too"
        );
    }
}

/// A proxy that nobody could ever use says why: in a pod, a startup probe that gave up stops it.
fn finish(stats_file: Option<&Path>, tallies: &Tallies, live: &Live) -> anyhow::Result<Outcome> {
    if let Some(path) = stats_file {
        traffic::write(path, tallies).context("the final tallies")?;
    }
    let sets = live.status().refreshes_total;
    if sets == 0 {
        let why = anyhow::anyhow!("stopped before it was ready: {}", metrics::waiting_text(live));
        return Err(Failure::new(Exit::Unavailable, why));
    }
    let sentence = format!(
        "stopped when asked; sent {} and received {} bytes of objects with {sets} sets of credentials",
        tallies.sent_payload_bytes, tallies.received_payload_bytes
    );
    Ok(Outcome::done(sentence).with(json!(tallies)))
}
