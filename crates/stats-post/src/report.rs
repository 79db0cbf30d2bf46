// SPDX-License-Identifier: Apache-2.0
//! What is reported: our own object, which the form `json` posts as it is and the spool keeps.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::about::About;
use crate::ended::Ended;
use crate::neighbours::Seen;
use crate::tallies::Tallies;

/// A run, as far as it is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    pub(crate) about: About,
    /// Totals since the run began.
    pub(crate) tallies: Tallies,
    /// How the neighbours ended that have ended.
    pub(crate) outcomes: Vec<Ended>,
    pub(crate) started: Timestamp,
    /// Absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<Timestamp>,
}

/// A run at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Final {
    pub(crate) report: Report,
    /// The outcome that is the run's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) executor: Option<Ended>,
    pub(crate) ended: Timestamp,
}

impl Report {
    /// A run that goes on.
    pub(crate) fn running(about: &About, seen: &Seen, started: Timestamp) -> Self {
        let (tallies, outcomes) = (seen.tallies, seen.outcomes.clone());
        Self { about: about.clone(), tallies, outcomes, started, ended: None }
    }

    /// Whether the same was measured and has ended.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        self.tallies == other.tallies && self.outcomes == other.outcomes
    }
}

impl Final {
    pub(crate) fn new(running: Report, executor: Option<Ended>, ended: Timestamp) -> Self {
        Self { report: Report { ended: Some(ended), ..running }, executor, ended }
    }
}
