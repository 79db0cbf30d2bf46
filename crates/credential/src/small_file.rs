// SPDX-License-Identifier: Apache-2.0
//! Reads files that hold secrets: small, regular, wiped from memory after use.

use std::io;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use zeroize::Zeroizing;

/// More than any credential document, token or CA bundle of a sane size.
pub(crate) const LIMIT: usize = 64 * 1024;

/// CA bundles of whole platforms are larger.
pub(crate) const BUNDLE_LIMIT: usize = 4 * 1024 * 1024;

/// Reads a whole regular file of at most `limit` bytes.
///
/// # Errors
/// Those of the system; `InvalidData` for anything but a small regular file, as opening a pipe
/// could block for ever.
pub(crate) async fn read(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let about = tokio::fs::metadata(path).await?;
    if !about.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file"));
    }
    let file = tokio::fs::File::open(path).await?;
    bounded(file, limit).await?.ok_or_else(|| {
        let message = format!("larger than {} KiB: not the right file", limit / 1024);
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// Reads to the end; `None` if there is more than `limit` bytes.
pub(crate) async fn bounded(
    reader: impl AsyncRead + Unpin,
    limit: usize,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // Room for all from the start: a growing vector leaves unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit.min(LIMIT) + 1));
    reader.take(limit as u64 + 1).read_to_end(&mut bytes).await?;
    Ok((bytes.len() <= limit).then_some(bytes))
}
