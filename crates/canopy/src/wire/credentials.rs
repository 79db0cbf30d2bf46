// SPDX-License-Identifier: Apache-2.0
//! Live credentials: `/restore-credentials`, `/backup-credentials`.

use credential::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Purpose, secret};

/// `POST /restore-credentials`: asks for read rights on one group's backups of one type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RestoreCredentialsRequest {
    /// The group's id, a UUID.
    pub group: String,
    /// The backup type.
    #[serde(rename = "type")]
    pub type_: String,
    /// The run that asks, a UUID. Optional for now; each issuance is audited by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

/// The answer to [`RestoreCredentialsRequest`]. Serialising it writes its secrets out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreCredentials {
    /// Read-only, for an hour at most.
    pub credentials: CredentialProcess,
    /// What opens the repository.
    #[serde(default, with = "secret::optional", skip_serializing_if = "Option::is_none")]
    pub repo_password: Option<Secret>,
}

/// `POST /backup-credentials`; answered by a bare [`CredentialProcess`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BackupCredentialsRequest {
    /// The backup type.
    #[serde(rename = "type")]
    pub type_: String,
    /// What the credentials are for.
    pub purpose: Purpose,
    /// The run that asks, a UUID.
    pub run_id: String,
}

/// What AWS's `credential_process` prints. Serialising it writes its secrets out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CredentialProcess {
    /// Always 1.
    pub version: u32,
    /// The key's id: shown to the store, fit for a log.
    pub access_key_id: String,
    /// The key itself.
    #[serde(with = "secret")]
    pub secret_access_key: Secret,
    /// What makes the key one of a session.
    #[serde(default, with = "secret::optional", skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Secret>,
    /// When the store stops taking it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration: Option<Timestamp>,
}
