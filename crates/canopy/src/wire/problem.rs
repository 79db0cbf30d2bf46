// SPDX-License-Identifier: Apache-2.0
//! How the control plane says no: RFC 7807.

use serde::{Deserialize, Serialize};

/// The body of every answer that is not a success.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of problem, such as `/errors/x`.
    #[serde(rename = "type", default)]
    pub type_: String,
    /// In a few words.
    #[serde(default)]
    pub title: String,
    /// The HTTP status again.
    #[serde(default)]
    pub status: u16,
    /// In more words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
