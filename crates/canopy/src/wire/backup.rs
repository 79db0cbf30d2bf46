// SPDX-License-Identifier: Apache-2.0
//! Where backups go and how they went: `/backup-target`, `/backup-report`.

use credential::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Outcome, Purpose, Traffic, secret};

/// `GET /backup-target`. Asked anew for each run and never kept. Serialising it writes its secret
/// out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupTarget {
    /// Always `s3`.
    pub storage: String,
    /// The bucket.
    pub bucket: String,
    /// What keys begin with; normally empty.
    pub prefix: String,
    /// The bucket's region.
    pub region: String,
    /// What opens the repository.
    #[serde(with = "secret")]
    pub repo_password: Secret,
}

/// `POST /backup-report`: how a run ended, once. A second report of a run is a conflict (409).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupReport {
    /// The run, a UUID.
    pub run_id: String,
    /// The backup type.
    #[serde(rename = "type")]
    pub type_: String,
    /// What the run did.
    pub purpose: Purpose,
    /// How it ended.
    pub outcome: Outcome,
    /// The snapshot that was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// New bytes in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_uploaded: Option<u64>,
    /// Why it failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The time that the snapshot shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_taken_at: Option<Timestamp>,
    /// What moved.
    #[serde(flatten)]
    pub traffic: Traffic,
}

impl BackupReport {
    /// A report with its required fields alone.
    #[must_use]
    pub fn new(run_id: &str, type_: &str, purpose: Purpose, outcome: Outcome) -> Self {
        Self {
            run_id: run_id.to_owned(),
            type_: type_.to_owned(),
            purpose,
            outcome,
            snapshot_id: None,
            bytes_uploaded: None,
            error: None,
            snapshot_taken_at: None,
            traffic: Traffic::default(),
        }
    }
}
