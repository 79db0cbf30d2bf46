// SPDX-License-Identifier: Apache-2.0
//! What a scraper sees. Labels come from closed sets only: never a group, a run or a key.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};

use crate::desk::{Desk, Origin};
use crate::identity::Reason;
use crate::trouble::Cause;

/// One label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct By {
    by: &'static str,
}

/// The counters of the request path.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    grants: Family<By, Counter>,
    refusals: Family<By, Counter>,
    upstream_errors: Family<By, Counter>,
    pub(crate) issuances: Counter,
    pub(crate) evictions: Counter,
    pub(crate) revoked: Counter,
    pub(crate) reviews: Counter,
    pub(crate) connections: Gauge,
    pub(crate) anonymous: Gauge,
    pub(crate) upstream_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            grants: Family::default(),
            refusals: Family::default(),
            upstream_errors: Family::default(),
            issuances: Counter::default(),
            evictions: Counter::default(),
            revoked: Counter::default(),
            reviews: Counter::default(),
            connections: Gauge::default(),
            anonymous: Gauge::default(),
            // 5 ms to 41 s.
            upstream_seconds: Histogram::new(exponential_buckets(0.005, 2.0, 14)),
        }
    }
}

impl Origin {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Cached, Self::Issued, Self::Shared, Self::Old];

    /// The name in metrics and audit lines.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::Issued => "issued",
            Self::Shared => "shared",
            Self::Old => "old",
        }
    }
}

impl Metrics {
    pub(crate) fn granted(&self, origin: Origin) {
        self.grants.get_or_create(&By { by: origin.name() }).inc();
    }

    /// A request that got no set, whatever the reason.
    pub(crate) fn refused(&self, by: &'static str) {
        self.refusals.get_or_create(&By { by }).inc();
    }

    pub(crate) fn upstream_error(&self, cause: Cause) {
        self.upstream_errors.get_or_create(&By { by: cause.class() }).inc();
    }

    /// All sets handed out.
    pub(crate) fn grants_total(&self) -> u64 {
        Origin::ALL.iter().map(|origin| value(&self.grants, origin.name())).sum()
    }

    /// All requests that got none.
    pub(crate) fn refusals_total(&self) -> u64 {
        refusal_names().map(|name| value(&self.refusals, name)).sum()
    }

    /// The same figures, for a person or a script.
    pub(crate) fn stats(&self, desk: &Desk) -> Value {
        let origins = || Origin::ALL.iter().map(|origin| origin.name());
        let cached = [Origin::Cached, Origin::Shared, Origin::Old];
        let hits: u64 = cached.iter().map(|origin| value(&self.grants, origin.name())).sum();
        json!({
            "callers": if self.anonymous.get() == 0 { "checked" } else { "anonymous" },
            "grants": figures(&self.grants, origins()),
            "refusals": figures(&self.refusals, refusal_names()),
            "upstream_errors": figures(&self.upstream_errors, Cause::ALL.iter().map(|it| it.class())),
            "issuances": self.issuances.get(),
            "cache_hits": hits,
            "evictions": self.evictions.get(),
            "revoked": self.revoked.get(),
            "token_reviews": self.reviews.get(),
            "entries": desk.entries(),
            "in_flight": desk.in_flight(),
        })
    }

    /// Registers everything under `credential_broker_`.
    pub(crate) fn registry(&self, desk: &Desk) -> Registry {
        let mut registry = Registry::with_prefix("credential_broker");
        let to = &mut registry;
        to.register("grants", "Sets handed out, by how they came to hand", self.grants.clone());
        to.register("refusals", "Requests that got no set, by reason", self.refusals.clone());
        to.register(
            "upstream_errors",
            "Questions to the issuer that brought no set, by class",
            self.upstream_errors.clone(),
        );
        to.register("issuances", "Sets that the issuer issued", self.issuances.clone());
        to.register("evictions", "Good sets dropped for want of room", self.evictions.clone());
        to.register("revoked", "Sets that a store refused before their end", self.revoked.clone());
        to.register("token_reviews", "Questions to the API server", self.reviews.clone());
        to.register("connections", "Callers' open connections", self.connections.clone());
        to.register("anonymous", "1 if callers are not checked", self.anonymous.clone());
        to.register(
            "upstream_seconds",
            "How long the issuer took to answer",
            self.upstream_seconds.clone(),
        );
        to.register_collector(Box::new(Observed(desk.clone())));
        registry
    }
}

/// Reasons of our own, then those of the issuer.
fn refusal_names() -> impl Iterator<Item = &'static str> {
    let own = Reason::ALL.iter().map(|reason| reason.name());
    own.chain([BAD_REQUEST]).chain(Cause::ALL.iter().map(|cause| cause.class()))
}

/// A request that could not be read.
pub(crate) const BAD_REQUEST: &str = "bad_request";

fn value(family: &Family<By, Counter>, by: &'static str) -> u64 {
    family.get(&By { by }).map_or(0, |counter| counter.get())
}

fn figures(family: &Family<By, Counter>, names: impl Iterator<Item = &'static str>) -> Value {
    let some = names.map(|name| (name.to_owned(), Value::from(value(family, name))));
    Value::Object(some.filter(|(_, count)| count != &Value::from(0)).collect::<Map<_, _>>())
}

/// Values that live in the desk, read when scraped.
struct Observed(Desk);

impl std::fmt::Debug for Observed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observed")
    }
}

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let gauges = [
            ("entries", "Sets held", self.0.entries()),
            ("in_flight", "Keys that the issuer is being asked for", self.0.in_flight()),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}
