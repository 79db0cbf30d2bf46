// SPDX-License-Identifier: Apache-2.0
//! A file that somebody else keeps fresh.
//!
//! It is read whole at each look, which sees every kind of change: rewritten in place, renamed
//! over, or a symlink swapped as Kubernetes does with mounted Secrets.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::document::{Document, Version};
use crate::provider::{BoxFuture, Provider};
use crate::{Credential, Error, Kind, secret_file};

/// A rotated file is seen after at most this time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(crate) struct File {
    name: String,
    path: PathBuf,
}

impl File {
    /// The file need not exist yet: its writer may start later than we do.
    pub(crate) fn open(path: &Path) -> Self {
        Self { name: format!("file:{}", path.display()), path: path.to_owned() }
    }

    async fn read(&self) -> Result<Credential, Error> {
        let read = secret_file::read(&self.path, secret_file::LIMIT).await;
        let text = read.map_err(|error| self.unreadable(&error))?;
        Document::parse(&text)
            .and_then(|document| document.into_credential(Version::Required))
            .map_err(|defect| Error::new(Kind::Invalid, &self.name, defect))
    }

    fn unreadable(&self, error: &io::Error) -> Error {
        let (kind, message) = match error.kind() {
            io::ErrorKind::NotFound => (
                Kind::Unavailable,
                "no such file: not written yet, or its volume is not mounted here".to_owned(),
            ),
            io::ErrorKind::PermissionDenied => (
                Kind::Unavailable,
                "permission denied: its mode does not let this user read it".to_owned(),
            ),
            io::ErrorKind::InvalidData => (Kind::Invalid, error.to_string()),
            _ => (Kind::Unavailable, error.to_string()),
        };
        Error::new(kind, &self.name, message)
    }
}

impl Provider for File {
    fn name(&self) -> &str {
        &self.name
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credential, Error>> {
        Box::pin(self.read())
    }

    fn watch(&self) -> Option<Duration> {
        Some(LOOK_EVERY)
    }
}
