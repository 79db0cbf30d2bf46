// SPDX-License-Identifier: Apache-2.0
//! What a scraper sees. Labels come from closed sets only.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::neighbours::Seen;

/// What is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Progress,
    Report,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Posted {
    what: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Counted {
    counter: &'static str,
}

/// Figures of this process. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    posts: Family<Posted, Counter>,
    bytes: Family<Counted, Gauge>,
    outcomes: Gauge,
    delivered: Gauge,
    stats: Arc<Mutex<Value>>,
}

impl Metrics {
    pub(crate) fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("stats_post");
        registry.register("posts", "Posts, by what and by the answer", self.posts.clone());
        registry.register(
            "moved_bytes",
            "What the neighbours moved; a counter that none of them measured is absent",
            self.bytes.clone(),
        );
        registry.register("outcomes", "Neighbours whose outcome is known", self.outcomes.clone());
        registry.register("delivered", "1 once the final report was heard", self.delivered.clone());
        registry
    }

    pub(crate) fn posted(&self, what: What, answer: &Answer) {
        let what = match what {
            What::Progress => "progress",
            What::Report => "report",
        };
        self.posts.get_or_create(&Posted { what, result: answer.label() }).inc();
    }

    /// How often the server took something.
    pub(crate) fn taken(&self, what: &'static str) -> u64 {
        self.posts.get_or_create(&Posted { what, result: "accepted" }).get()
    }

    pub(crate) fn seen(&self, seen: &Seen) {
        for (counter, bytes) in seen.tallies.named() {
            if let Some(bytes) = bytes {
                let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
                self.bytes.get_or_create(&Counted { counter }).set(bytes);
            }
        }
        self.outcomes.set(i64::try_from(seen.outcomes.len()).unwrap_or(i64::MAX));
        let exits: Vec<Value> =
            seen.outcomes.iter().map(|it| json!({"name": it.name, "exit": it.exit})).collect();
        let stats = json!({"tallies": seen.tallies, "outcomes": exits});
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = stats;
    }

    pub(crate) fn delivered(&self) {
        self.delivered.set(1);
    }

    /// What `/stats` answers.
    pub(crate) fn stats(&self) -> admin::Stats {
        let stats = Arc::clone(&self.stats);
        Arc::new(move || stats.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
