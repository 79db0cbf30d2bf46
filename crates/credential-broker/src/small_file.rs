// SPDX-License-Identifier: Apache-2.0
//! Reads small files that hold secrets; the bytes are wiped after use.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

/// More than any key, password or list of grants of a sane size.
const MOST: usize = 256 * 1024;

/// Reads a whole regular file.
///
/// # Errors
/// Those of the system; `InvalidData` for anything but a small regular file, as opening a pipe could block for
/// ever.
pub(crate) fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let about = std::fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidData, "not a regular file"));
    }
    // Room for all from the start: a growing vector leaves unwiped copies behind.
    let length = usize::try_from(about.len()).unwrap_or(MOST).min(MOST);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
    File::open(path)?.take(MOST as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() <= MOST {
        true => Ok(bytes),
        false => Err(io::Error::new(ErrorKind::InvalidData, "too large: not the right file")),
    }
}
