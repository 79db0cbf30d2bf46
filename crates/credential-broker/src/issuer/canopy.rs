// SPDX-License-Identifier: Apache-2.0
//! The control plane as the issuer: `POST /restore-credentials`.

use canopy::wire::{Problem, RestoreCredentials, RestoreCredentialsRequest};
use canopy::{Client, Config, Error, Kind};
use sidecar::{Exit, Failure};

use crate::request::Key;
use crate::trouble::{Cause, Trouble};

/// The control plane.
pub(crate) struct Canopy(Client);

impl Canopy {
    /// Reads the device key; asks nothing.
    ///
    /// # Errors
    /// [`Exit::Usage`]: a file that cannot be read or is not what it should be.
    pub(crate) fn open(config: Config) -> anyhow::Result<Self> {
        Client::open(config).map(Self).map_err(|error| Failure::new(Exit::Usage, error))
    }

    pub(super) fn name(&self) -> String {
        format!("canopy:{}", self.0.origin())
    }

    pub(super) async fn issue(&self, key: &Key) -> Result<RestoreCredentials, Trouble> {
        let request = RestoreCredentialsRequest {
            group: key.group.clone(),
            type_: key.type_.clone(),
            run_id: key.run_id.clone(),
        };
        self.0.restore_credentials(&request).await.map_err(|error| trouble(&error))
    }
}

fn trouble(error: &Error) -> Trouble {
    let trouble = match (error.status(), error.kind()) {
        (Some(status), _) => Trouble::of_status(status, Some(said(error))),
        (None, Kind::Timeout) => Trouble::new(Cause::TimedOut, error.to_string()),
        (None, Kind::Unavailable) => Trouble::new(Cause::Unreachable, error.to_string()),
        (None, _) => Trouble::new(Cause::NotUnderstood, error.to_string()),
    };
    trouble.after(error.retry_after())
}

/// The control plane's own words, else the client's.
fn said(error: &Error) -> &str {
    let texts = |problem: &Problem| problem.detail.as_deref().is_some_and(|text| !text.is_empty());
    match error.problem() {
        Some(problem) if texts(problem) => problem.detail.as_deref().unwrap_or_default(),
        Some(problem) if !problem.title.is_empty() => &problem.title,
        _ => error.message(),
    }
}
