// SPDX-License-Identifier: Apache-2.0
//! The shapes on the wire, field by field as the control plane names them.
//!
//! Fields that are not known are skipped, for the contract grows. What was not measured is left out
//! and never sent as 0, for 0 is a claim. Shapes that hold secrets do not show them in `Debug`; to
//! serialise such a shape is to write its secrets out, so that belongs into memory that is wiped.

mod backup;
mod capabilities;
mod credentials;
mod migration;
mod problem;
mod progress;
mod secret;
mod traffic;
mod verification;
mod worklist;

pub use backup::{BackupReport, BackupTarget};
pub use capabilities::{BackupCapabilities, Intent, Param, ParamType, RestoreCapabilities};
pub use credentials::{
    BackupCredentialsRequest, CredentialProcess, RestoreCredentials, RestoreCredentialsRequest,
};
pub use migration::{Migration, Timing};
pub use problem::Problem;
pub use progress::BackupProgress;
pub use traffic::Traffic;
pub use verification::RestoreVerification;
pub use worklist::WorklistEntry;

/// What a run does, and what its credentials are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Takes a backup; its credentials can write and not delete.
    Backup,
    /// Restores one; its credentials can only read.
    Restore,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All of it was done.
    Success,
    /// It was not; `error` says why.
    Failure,
}
