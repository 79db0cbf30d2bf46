// SPDX-License-Identifier: Apache-2.0
//! What is wanted to be restored: `/restore-worklist`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One entry of `GET /restore-worklist`, which is computed anew at each call.
///
/// A declaration for a whole group gives one entry for each live server, all of the same
/// `replica_id` and name: only `replica_id` and `server_id` together name an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorklistEntry {
    /// The declaration, a UUID.
    pub replica_id: String,
    /// The group, a UUID.
    pub group_id: String,
    /// The server whose backup is wanted, a UUID.
    pub server_id: String,
    /// The backup type.
    #[serde(rename = "type")]
    pub type_: String,
    /// What the restore is for.
    pub intent: String,
    /// The declaration's name, for people.
    pub name: String,
    /// The intent's parameters; one that is not set has its default or null.
    pub params: Map<String, Value>,
    /// A replica that is older is overdue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_after_seconds: Option<i64>,
    /// The snapshot to restore; none until there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// When that was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_at: Option<Timestamp>,
    /// Always `s3`.
    pub storage: String,
    /// The bucket.
    pub bucket: String,
    /// What keys begin with; normally empty.
    pub prefix: String,
    /// The bucket's region.
    pub region: String,
    /// The application's version to migrate to, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_version: Option<String>,
    /// The same, a UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_version_id: Option<String>,
}
