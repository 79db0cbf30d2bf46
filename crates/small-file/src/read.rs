// SPDX-License-Identifier: Apache-2.0
//! Small files that may hold secrets.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

/// Reads a whole regular file of at most `limit` bytes.
///
/// # Errors
/// Those of the system; `InvalidData` for anything but a small regular file, as opening a pipe could block for
/// ever.
pub fn read(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let refuse = |what: String| io::Error::new(ErrorKind::InvalidData, what);
    let about = std::fs::metadata(path)?;
    if !about.is_file() {
        return Err(refuse("not a regular file".to_owned()));
    }
    // Room for all from the start: a growing vector leaves unwiped copies behind.
    let room = usize::try_from(about.len()).unwrap_or(limit).min(limit) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    File::open(path)?.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(refuse(format!("larger than {} KiB: not the right file", limit / 1024)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_regular_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap().as_slice(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(read(dir.path(), 5).unwrap_err().to_string(), "not a regular file");
        assert_eq!(read(&dir.path().join("g"), 5).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
