// SPDX-License-Identifier: Apache-2.0
//! What a scraper sees. Labels come from closed sets only: never a key, a bucket or an id.

use std::fmt::Write as _;
use std::sync::Arc;

use credential::Live;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::traffic::Traffic;

/// Labels of an answered request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Answered {
    /// GET, HEAD, PUT, POST, DELETE or other.
    pub(crate) method: &'static str,
    /// The status's first digit: 2 to 5.
    pub(crate) class: u16,
}

/// Why a request was sent upstream once more.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Replayed {
    pub(crate) reason: &'static str,
}

/// The counters of the request path.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    pub(crate) answered: Family<Answered, Counter>,
    pub(crate) refused: Counter,
    pub(crate) replayed: Family<Replayed, Counter>,
    pub(crate) slowed: Counter,
    pub(crate) connections: Gauge,
}

/// Registers everything under `s3_resign_proxy_`.
pub(crate) fn registry(metrics: &Metrics, traffic: &Arc<Traffic>, live: &Live) -> Registry {
    let mut registry = Registry::with_prefix("s3_resign_proxy");
    registry.register(
        "requests",
        "Requests answered, by method and status class",
        metrics.answered.clone(),
    );
    registry.register(
        "refusals",
        "Requests refused before anything was sent upstream",
        metrics.refused.clone(),
    );
    registry.register(
        "replays",
        "Requests sent upstream again, by reason",
        metrics.replayed.clone(),
    );
    registry.register(
        "slowdowns",
        "Requests answered 503 SlowDown by the proxy itself",
        metrics.slowed.clone(),
    );
    registry.register("connections", "Callers' open connections", metrics.connections.clone());
    registry.register_collector(Box::new(Observed {
        traffic: Arc::clone(traffic),
        live: live.clone(),
    }));
    registry
}

/// Values that live elsewhere, read when scraped.
#[derive(Debug)]
struct Observed {
    traffic: Arc<Traffic>,
    live: Live,
}

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let tallies = self.traffic.tallies();
        let status = self.live.status();
        let counters = [
            (
                "sent_raw_bytes",
                "Bytes sent to the store, heads and framing included",
                tallies.sent_raw_bytes,
            ),
            ("sent_payload_bytes", "Object bytes sent to the store", tallies.sent_payload_bytes),
            (
                "received_raw_bytes",
                "Bytes received from the store, heads included",
                tallies.received_raw_bytes,
            ),
            (
                "received_payload_bytes",
                "Object bytes received from the store",
                tallies.received_payload_bytes,
            ),
            ("credential_refreshes", "Credential sets received", status.refreshes_total),
            (
                "credential_failures",
                "Failed attempts to get a credential set",
                status.failures_total,
            ),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            let encoder = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(encoder)?;
        }
        let gauges = [
            (
                "credential_valid",
                "1 while a valid credential set is held",
                i64::from(self.live.current().is_some()),
            ),
            (
                "credential_expiry_seconds",
                "Unix time at which the held set expires, 0 if never",
                expiry(&self.live),
            ),
            (
                "credential_last_error",
                "1 while the last attempt to get a credential set failed",
                i64::from(status.last_error.is_some()),
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            let encoder = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(encoder)?;
        }
        Ok(())
    }
}

fn expiry(live: &Live) -> i64 {
    let expires = live.status().expires;
    let since = expires.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// The label of a method.
pub(crate) fn method_label(method: &http::Method) -> &'static str {
    match *method {
        http::Method::GET => "GET",
        http::Method::HEAD => "HEAD",
        http::Method::PUT => "PUT",
        http::Method::POST => "POST",
        http::Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// Readable text of a status for logs and readiness.
pub(crate) fn waiting_text(live: &Live) -> String {
    let mut text = "no valid credentials yet".to_owned();
    if let Some(error) = live.status().last_error {
        // Writing into a String cannot fail.
        let _ = write!(text, ": {error}");
    }
    text
}
