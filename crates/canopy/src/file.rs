// SPDX-License-Identifier: Apache-2.0
//! Reads the small files that a client is built from; what was read is wiped from memory after use.

use std::io::{self, ErrorKind};
use std::path::Path;

use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

/// More than any key.
pub(crate) const KEY_LIMIT: usize = 64 * 1024;
/// CA bundles of whole platforms are larger.
pub(crate) const BUNDLE_LIMIT: usize = 4 * 1024 * 1024;

/// Reads a whole regular file of at most `limit` bytes.
///
/// # Errors
/// Those of the system; `InvalidData` for anything but a small regular file, as opening a pipe
/// could block for ever.
pub(crate) async fn read(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let refuse = |what: String| io::Error::new(ErrorKind::InvalidData, what);
    let about = tokio::fs::metadata(path).await?;
    if !about.is_file() {
        return Err(refuse("not a regular file".to_owned()));
    }
    // Room for all from the start: a growing vector leaves unwiped copies behind.
    let room = usize::try_from(about.len()).unwrap_or(limit).min(limit) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let file = tokio::fs::File::open(path).await?;
    file.take(limit as u64 + 1).read_to_end(&mut bytes).await?;
    if bytes.len() > limit {
        return Err(refuse(format!("larger than {} KiB: not the right file", limit / 1024)));
    }
    Ok(bytes)
}
