// SPDX-License-Identifier: Apache-2.0
//! Whether the volume has room for the download, the member that is made of it, and its first WAL.

use std::path::Path;

use anyhow::anyhow;
use sidecar::{Exit, Failure};

use crate::disk;

/// Two WAL segments, in bytes: etcd makes the second one ahead.
const WAL: u64 = 128_000_000;

/// What a restore needs, in bytes.
pub(crate) fn needed(content: u64) -> u64 {
    content.saturating_mul(2).saturating_add(WAL)
}

/// What is free, in bytes.
///
/// # Errors
/// Those of the disk.
pub(crate) fn free(folder: &Path) -> anyhow::Result<u64> {
    let about = rustix::fs::statvfs(folder)
        .map_err(|error| disk::failed("cannot be looked at", folder, &error.into()))?;
    Ok(about.f_bavail.saturating_mul(about.f_frsize))
}

/// # Errors
/// [`Exit::Temporary`]: a volume can grow.
pub(crate) fn enough(folder: &Path, content: u64) -> anyhow::Result<()> {
    let (free, needed) = (free(folder)?, needed(content));
    if free >= needed {
        return Ok(());
    }
    let shown = folder.display();
    let why = anyhow!(
        "{shown} has {free} bytes free, and the restore needs {needed}: twice the snapshot's {content}, and {WAL} for the WAL"
    );
    Err(Failure::new(Exit::Temporary, why))
}
