// SPDX-License-Identifier: Apache-2.0
//! Small JSON files on the volume: read whole, written whole or not at all.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a file of at most `limit` bytes; nothing where there is none.
///
/// # Errors
/// Those of the disk; `InvalidData` for what is larger or cannot be understood.
pub(crate) fn small<T: DeserializeOwned>(path: &Path, limit: u64) -> io::Result<Option<T>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is far too large"));
    }
    // One that was cut short is as damaged as any other.
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

/// Makes a file with these contents, on the disk for good when it is seen. One that is there already
/// stays as it is.
///
/// # Errors
/// Those of the disk.
pub(crate) fn make(path: &Path, contents: &impl Serialize) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".pilotfish-new-").tempfile_in(folder)?;
    serde_json::to_writer_pretty(&mut file, contents)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => File::open(folder)?.sync_all(),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}
