// SPDX-License-Identifier: Apache-2.0
//! What goes wrong with the volume, and what would help.

use std::io::{self, ErrorKind};
use std::path::Path;

use anyhow::anyhow;
use sidecar::{Exit, Failure};

/// A failure of the volume. A full one may have room later; one that nobody may write is a mistake in
/// the pod's spec.
pub(crate) fn failed(what: &str, path: &Path, error: &io::Error) -> anyhow::Error {
    let shown = path.display();
    let (exit, hint) = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (Exit::Temporary, "; it is full"),
        ErrorKind::PermissionDenied => {
            (Exit::Usage, "; does the pod's fsGroup, or the user, own the volume?")
        }
        ErrorKind::ReadOnlyFilesystem => (Exit::Usage, "; is the volume mounted read-only?"),
        ErrorKind::NotFound => (Exit::Usage, "; is the volume mounted there?"),
        _ => (Exit::Failed, ""),
    };
    Failure::new(exit, anyhow!("{shown} {what}: {error}{hint}"))
}
