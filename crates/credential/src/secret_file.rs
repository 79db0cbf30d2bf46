// SPDX-License-Identifier: Apache-2.0
//! Reads files that hold secrets: small, regular, wiped from memory after use.

use std::io;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use zeroize::Zeroizing;

/// More than any credential document, token or CA bundle of a sane size.
pub const LIMIT: usize = 64 * 1024;

/// CA bundles of whole platforms are larger.
pub const BUNDLE_LIMIT: usize = 4 * 1024 * 1024;

/// Reads a whole regular file of at most `limit` bytes.
///
/// # Errors
/// Those of the system; `InvalidData` for anything but a small regular file.
pub async fn read(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let path = path.to_owned();
    // A disk that hangs must not hang the refresh of credentials.
    tokio::task::spawn_blocking(move || small_file::read(&path, limit)).await?
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
