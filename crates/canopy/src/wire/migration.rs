// SPDX-License-Identifier: Apache-2.0
//! What a migration that was tried on a restored replica took.

use serde::{Deserialize, Serialize};
use serde_json::Number;

/// A migration to another version of the application, as a part of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// The version migrated to, a UUID.
    pub target_version_id: String,
    /// All of it, in seconds.
    pub total_elapsed_seconds: Number,
    /// The step that failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_migration: Option<String>,
    /// The databases' size before.
    pub data_bytes_before: u64,
    /// The databases' size after.
    pub data_bytes_after: u64,
    /// Each step, in order.
    pub timings: Vec<Timing>,
}

/// How long one step took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// The step.
    pub name: String,
    /// In seconds; whole or not.
    pub elapsed_seconds: Number,
}
