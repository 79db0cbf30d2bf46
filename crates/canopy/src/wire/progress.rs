// SPDX-License-Identifier: Apache-2.0
//! How far a run is: `/backup-progress`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Purpose, Traffic};

/// `POST /backup-progress`: totals since the run began. A post that fails never ends a run; the next
/// one says it all again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupProgress {
    /// The run, a UUID.
    pub run_id: String,
    /// The backup type.
    #[serde(rename = "type")]
    pub type_: String,
    /// What the run does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// Bytes read from the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_read: Option<u64>,
    /// Bytes hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_hashed: Option<u64>,
    /// Bytes uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_uploaded: Option<u64>,
    /// Bytes that were there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_cached: Option<u64>,
    /// Bytes that there will be, as far as can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_estimated: Option<u64>,
    /// Files done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_done: Option<u64>,
    /// Files that there will be, as far as can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_estimated: Option<u64>,
    /// Errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<u64>,
    /// Errors that the run was told to pass over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_errors: Option<u64>,
    /// What it works on now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_path: Option<String>,
    /// The time that the snapshot will show. The first value sent is the one that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_taken_at: Option<Timestamp>,
    /// Anything else, kept as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Map<String, Value>>,
    /// What moved.
    #[serde(flatten)]
    pub traffic: Traffic,
}
