// SPDX-License-Identifier: Apache-2.0
//! The four counters of what moved between a run and its store.

use serde::{Deserialize, Serialize};

/// Bytes that moved since the run began. What was not measured is `None` and is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Sent, with all framing and headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_sent_raw_bytes: Option<u64>,
    /// Sent, the objects' own bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_sent_payload_bytes: Option<u64>,
    /// Received, with all framing and headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_received_raw_bytes: Option<u64>,
    /// Received, the objects' own bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_received_payload_bytes: Option<u64>,
}
