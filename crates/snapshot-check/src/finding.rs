// SPDX-License-Identifier: Apache-2.0
//! What was found, cluster by cluster.

use jiff::Timestamp;
use serde::Serialize;
use sidecar::{Exit, Outcome};
use snapshot::{Id, Place};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    /// It is good.
    Good,
    /// Worth a look; it restores.
    Odd,
    /// It could not be looked at.
    Unknown,
    /// It would not restore, or is missing.
    Bad,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// The id or key that it is about; none where it is about the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) about: Option<String>,
    pub(crate) what: String,
}

/// All that was found of one cluster.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cluster {
    #[serde(flatten)]
    pub(crate) place: Place,
    /// Of the class that must be fresh.
    pub(crate) newest: Option<Newest>,
    /// Snapshots of all classes.
    pub(crate) snapshots: usize,
    /// Their stored bytes.
    pub(crate) stored_bytes: u64,
    /// Data that no manifest names.
    pub(crate) orphans: usize,
    /// Objects of other tools.
    pub(crate) foreign: usize,
    pub(crate) findings: Vec<Finding>,
}

/// The newest snapshot.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Newest {
    pub(crate) id: Id,
    pub(crate) time: Timestamp,
    pub(crate) age_seconds: i64,
    pub(crate) content_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) live_keys: Option<u64>,
}

/// Everything that was found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) checked: Timestamp,
    pub(crate) clusters: Vec<Cluster>,
    /// Objects of other tools outside of any cluster's folder.
    pub(crate) foreign: usize,
    /// Findings about no cluster.
    pub(crate) findings: Vec<Finding>,
}

impl Finding {
    pub(crate) fn new(level: Level, about: Option<String>, what: impl Into<String>) -> Self {
        Self { level, about, what: what.into() }
    }
}

impl Cluster {
    pub(crate) fn level(&self) -> Level {
        worst(&self.findings)
    }
}

/// The worst level; what has no finding is good.
fn worst(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Good)
}

impl Report {
    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.clusters.iter().flat_map(|cluster| &cluster.findings).chain(&self.findings)
    }

    /// Bad outweighs unknown.
    pub(crate) fn level(&self) -> Level {
        self.findings().map(|finding| finding.level).max().unwrap_or(Level::Good)
    }

    /// The last word, with the exit code.
    pub(crate) fn outcome(&self) -> Outcome {
        let of = |level| self.findings().filter(|finding| finding.level == level).count();
        let (bad, unknown, odd) = (of(Level::Bad), of(Level::Unknown), of(Level::Odd));
        let first = |level| {
            let found = self.findings().find(|finding| finding.level == level);
            found.map(|finding| match &finding.about {
                Some(about) => format!(": {about}: {}", finding.what),
                None => format!(": {}", finding.what),
            })
        };
        let count: usize = self.clusters.iter().map(|cluster| cluster.snapshots).sum();
        let (exit, sentence) = match self.level() {
            Level::Bad => (
                Exit::Corrupt,
                format!("bad: {bad} findings{}", first(Level::Bad).unwrap_or_default()),
            ),
            Level::Unknown => {
                let why = first(Level::Unknown).unwrap_or_default();
                (Exit::Unavailable, format!("cannot tell: {unknown} findings{why}"))
            }
            _ => {
                let clusters = self.clusters.len();
                (
                    Exit::Done,
                    format!("good: {count} snapshots of {clusters} clusters, {odd} oddities"),
                )
            }
        };
        let facts = serde_json::json!({
            "clusters": self.clusters.len(), "snapshots": count,
            "bad": bad, "unknown": unknown, "odd": odd,
        });
        Outcome { exit, ..Outcome::done(sentence) }.with(facts)
    }
}
