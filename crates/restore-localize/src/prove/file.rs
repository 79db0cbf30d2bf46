// SPDX-License-Identifier: Apache-2.0
//! Files that others read: whole or not there.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

/// Writes a file beside its place and moves it there. Companions run as other users and may read it.
///
/// # Errors
/// Those of the disk.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let at = || path.display().to_string();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .prefix(".pilotfish-")
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .with_context(at)?;
    file.write_all(bytes).with_context(at)?;
    file.persist(path).with_context(at).map(drop)
}
