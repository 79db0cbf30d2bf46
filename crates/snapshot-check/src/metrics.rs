// SPDX-License-Identifier: Apache-2.0
//! The report as Prometheus text.

use std::path::Path;

use anyhow::Context as _;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use sidecar::{FOR_ALL, replace_file};

use crate::finding::{Level, Report};

type Labels = Vec<(String, String)>;
type Gauges = Family<Labels, Gauge>;

/// Gauges that are set anew with each report.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    newest_time: Gauges,
    newest_bytes: Gauges,
    newest_keys: Gauges,
    snapshots: Gauges,
    stored_bytes: Gauges,
    orphans: Gauges,
    findings: Gauges,
    verdict: Gauge,
    checked: Gauge,
}

impl Metrics {
    pub(crate) fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("snapshot_check");
        for (name, help, gauges) in [
            ("newest_time_seconds", "Unix time of the newest snapshot", &self.newest_time),
            ("newest_content_bytes", "Content bytes of the newest snapshot", &self.newest_bytes),
            ("newest_live_keys", "Live keys in the newest snapshot", &self.newest_keys),
            ("snapshots", "Snapshots of all classes", &self.snapshots),
            ("stored_bytes", "Stored bytes of all snapshots", &self.stored_bytes),
            ("orphans", "Data that no manifest names", &self.orphans),
            ("findings", "What was found, by level: bad, unknown, odd", &self.findings),
        ] {
            registry.register(name, help, gauges.clone());
        }
        let help = "0 good, 1 odd, 2 cannot tell, 3 bad";
        registry.register("verdict", help, self.verdict.clone());
        registry.register("last_run_seconds", "Unix time of the last check", self.checked.clone());
        registry
    }

    /// Before the first check nothing is good.
    pub(crate) fn unchecked() -> Self {
        let metrics = Self::default();
        metrics.verdict.set(Level::Unknown as i64);
        metrics
    }

    pub(crate) fn set(&self, report: &Report) {
        let all = [
            &self.newest_time,
            &self.newest_bytes,
            &self.newest_keys,
            &self.snapshots,
            &self.stored_bytes,
            &self.orphans,
            &self.findings,
        ];
        // A cluster that is gone must not keep its last figures.
        all.into_iter().for_each(Family::clear);
        for cluster in &report.clusters {
            let labels = vec![
                ("namespace".to_owned(), cluster.place.namespace.clone()),
                ("cluster".to_owned(), cluster.place.cluster.clone()),
            ];
            let set = |gauges: &Gauges, value: i64| {
                gauges.get_or_create(&labels).set(value);
            };
            if let Some(newest) = &cluster.newest {
                set(&self.newest_time, newest.time.as_second());
                set(&self.newest_bytes, whole(newest.content_bytes));
                if let Some(keys) = newest.live_keys {
                    set(&self.newest_keys, whole(keys));
                }
            }
            set(&self.snapshots, whole(cluster.snapshots as u64));
            set(&self.stored_bytes, whole(cluster.stored_bytes));
            set(&self.orphans, whole(cluster.orphans as u64));
        }
        for (name, level) in [("bad", Level::Bad), ("unknown", Level::Unknown), ("odd", Level::Odd)]
        {
            let count = report.findings().filter(|finding| finding.level == level).count();
            let labels = vec![("level".to_owned(), name.to_owned())];
            self.findings.get_or_create(&labels).set(whole(count as u64));
        }
        self.verdict.set(report.level() as i64);
        self.checked.set(report.checked.as_second());
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Writes them for a collector, whole or not at all.
pub(crate) fn write(path: &Path, report: &Report) -> anyhow::Result<()> {
    let metrics = Metrics::default();
    metrics.set(report);
    let mut text = String::new();
    encode(&mut text, &metrics.registry())?;
    replace_file(path, text.as_bytes(), FOR_ALL).with_context(|| path.display().to_string())
}
