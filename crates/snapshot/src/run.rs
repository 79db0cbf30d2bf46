// SPDX-License-Identifier: Apache-2.0
//! The record that makes all attempts of one run one snapshot.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::Id;
use crate::manifest::Unreadable;
use crate::version;

/// Fixes a run's snapshot id. Created once, by the run's first attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    version: String,
    /// The id that all attempts try to commit.
    pub id: Id,
    /// When the first attempt began.
    pub created: Timestamp,
    /// Who created it: random, so that an attempt whose answer was lost knows its own record.
    pub creator: String,
}

impl RunRecord {
    /// A record of this version.
    #[must_use]
    pub fn new(id: Id, created: Timestamp, creator: String) -> Self {
        Self { version: version::VERSION.to_owned(), id, created, creator }
    }

    /// Its name in the cluster's folder: the run id itself may hold anything.
    #[must_use]
    pub fn name(run_id: &str) -> String {
        format!("runs/{}.json", Digest::of(run_id.as_bytes()))
    }

    /// As JSON.
    ///
    /// # Errors
    /// None that a record can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec_pretty(self)
    }

    /// From JSON.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        version::check(bytes)??;
        Ok(serde_json::from_slice(bytes)?)
    }
}
