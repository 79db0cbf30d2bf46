// SPDX-License-Identifier: Apache-2.0
//! Whether a backup restores: `/restore-verification`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Migration, Outcome, Traffic};

/// `POST /restore-verification`. A backup counts as verified if the outcome is success and the
/// replica is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreVerification {
    /// The declaration that asked for the restore, a UUID. Newer control planes require it: send it
    /// whenever it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_id: Option<String>,
    /// The run, a UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The group, a UUID.
    pub group: String,
    /// The server that the backup was taken of, a UUID.
    pub server_id: String,
    /// The backup type.
    #[serde(rename = "type")]
    pub type_: String,
    /// What the restore was for.
    pub intent: String,
    /// The snapshot that was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// How the restore ended.
    pub outcome: Outcome,
    /// Whether what was restored works.
    pub replica_healthy: bool,
    /// Why it failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The major version, such as `16`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres_version: Option<String>,
    /// When this was seen.
    pub observed_at: Timestamp,
    /// What moved.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// Anything that shows how healthy it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_details: Option<Value>,
    /// The migration that was tried on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migration: Option<Migration>,
}
