// SPDX-License-Identifier: Apache-2.0
//! The client: one method for each endpoint.

use crate::request::{Bound, Call, Repeat};
use crate::transport::Transport;
use crate::{Config, Error, answer, wire};

/// A client of the control plane. It asks when it is told to and retries nothing; what it sends is
/// gzipped, what it reads is bounded, a call takes 30 s at most on each of its ways.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
}

impl Client {
    /// Reads the device key and the CA bundle, so that a bad one is found at start; nothing is sent.
    ///
    /// # Errors
    /// [`crate::Kind::Invalid`]: a file that cannot be read or is not what it should be.
    pub fn open(config: Config) -> Result<Self, Error> {
        Transport::open(config).map(|transport| Self { transport })
    }

    /// Where it asks, for logs: the URLs of both ways.
    #[must_use]
    pub fn origin(&self) -> String {
        self.transport.origin()
    }

    /// Says what this restore consumer can do, in place of all it said before.
    ///
    /// # Errors
    /// See [`crate::Kind`].
    pub async fn restore_capabilities(&self, all: &wire::RestoreCapabilities) -> Result<(), Error> {
        let call = Call::post("/restore-capabilities", all, Repeat::Harmless)?;
        self.transport.send(&call, Bound::Small).await.map(drop)
    }

    /// What is wanted to be restored now.
    ///
    /// # Errors
    /// See [`crate::Kind`].
    pub async fn restore_worklist(&self) -> Result<Vec<wire::WorklistEntry>, Error> {
        let call = Call::get("/restore-worklist");
        answer::parse(&call, &self.transport.send(&call, Bound::Worklist).await?)
    }

    /// Read rights on one group's backups, and the repository's password.
    ///
    /// # Errors
    /// See [`crate::Kind`]: `Denied` where no enabled declaration covers it, `Conflict` where the
    /// group's configuration is not ready.
    pub async fn restore_credentials(
        &self,
        request: &wire::RestoreCredentialsRequest,
    ) -> Result<wire::RestoreCredentials, Error> {
        let call = Call::post("/restore-credentials", request, Repeat::Counted)?;
        let body = self.transport.send(&call, Bound::Small).await?;
        let answer: wire::RestoreCredentials = answer::parse(&call, &body)?;
        answer::usable(&call, &answer.credentials).map(|()| answer)
    }

    /// Reports whether a backup restores.
    ///
    /// # Errors
    /// See [`crate::Kind`].
    pub async fn restore_verification(
        &self,
        report: &wire::RestoreVerification,
    ) -> Result<(), Error> {
        let call = Call::post("/restore-verification", report, Repeat::Counted)?
            .with_key(report.run_id.as_deref());
        self.transport.send(&call, Bound::Small).await.map(drop)
    }

    /// Says which backup types this server can take.
    ///
    /// # Errors
    /// See [`crate::Kind`].
    pub async fn backup_capabilities(&self, all: &wire::BackupCapabilities) -> Result<(), Error> {
        let call = Call::post("/backup-capabilities", all, Repeat::Harmless)?;
        self.transport.send(&call, Bound::Small).await.map(drop)
    }

    /// Rights for one run on this server's own backups.
    ///
    /// # Errors
    /// See [`crate::Kind`].
    pub async fn backup_credentials(
        &self,
        request: &wire::BackupCredentialsRequest,
    ) -> Result<wire::CredentialProcess, Error> {
        let call = Call::post("/backup-credentials", request, Repeat::Counted)?;
        let body = self.transport.send(&call, Bound::Small).await?;
        let set: wire::CredentialProcess = answer::parse(&call, &body)?;
        answer::usable(&call, &set).map(|()| set)
    }

    /// Where this server's backups go; to be asked before each run.
    ///
    /// # Errors
    /// See [`crate::Kind`]: after `Conflict` and `Unbound` there is nothing to back up here for now.
    pub async fn backup_target(&self) -> Result<wire::BackupTarget, Error> {
        let call = Call::get("/backup-target");
        answer::parse(&call, &self.transport.send(&call, Bound::Small).await?)
    }

    /// Reports how far a run is, as totals since it began.
    ///
    /// # Errors
    /// See [`crate::Kind`]; none of them is a reason to end the run.
    pub async fn backup_progress(&self, progress: &wire::BackupProgress) -> Result<(), Error> {
        let call = Call::post("/backup-progress", progress, Repeat::Harmless)?;
        self.transport.send(&call, Bound::Small).await.map(drop)
    }

    /// Reports how a run ended.
    ///
    /// # Errors
    /// See [`crate::Kind`]: `Conflict` on a second try may say that the first one arrived.
    pub async fn backup_report(&self, report: &wire::BackupReport) -> Result<(), Error> {
        let call =
            Call::post("/backup-report", report, Repeat::Counted)?.with_key(Some(&report.run_id));
        self.transport.send(&call, Bound::Small).await.map(drop)
    }
}
