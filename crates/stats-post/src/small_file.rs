// SPDX-License-Identifier: Apache-2.0
//! Small files of others, read whole: never a pipe, which could block for ever, never more than a bound.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

/// More than any sane file of tallies, outcome, token or list of headers.
pub(crate) const LIMIT: usize = 64 * 1024;

/// What a neighbour left in a shared folder. A link there could lead to what is ours alone.
///
/// # Errors
/// Those of the system; `InvalidData` for anything but a small regular file.
pub(crate) fn of_neighbour(path: &Path) -> io::Result<Vec<u8>> {
    of_neighbour_within(path, LIMIT)
}

/// The same with another bound, in bytes.
///
/// # Errors
/// As of [`of_neighbour`].
pub(crate) fn of_neighbour_within(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read(path, OFlags::NOFOLLOW, &mut bytes, limit)?;
    Ok(bytes)
}

/// What holds a secret. Kubernetes mounts it as a link.
///
/// # Errors
/// As of [`of_neighbour`].
pub(crate) fn secret(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for all from the start: a growing vector leaves unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
    read(path, OFlags::empty(), &mut bytes, LIMIT)?;
    Ok(bytes)
}

fn read(path: &Path, flags: OFlags, bytes: &mut Vec<u8>, limit: usize) -> io::Result<()> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Err(rustix::io::Errno::LOOP) => return Err(invalid("it is a symbolic link")),
        file => File::from(file?),
    };
    if !file.metadata()?.is_file() {
        return Err(invalid("it is not a regular file"));
    }
    file.take(limit as u64 + 1).read_to_end(bytes)?;
    match bytes.len() > limit {
        true => Err(invalid(&format!("it is larger than {} KiB", limit / 1024))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_regular_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("good"), "x").unwrap();
        std::fs::write(at("large"), vec![b'x'; LIMIT + 1]).unwrap();
        std::os::unix::fs::symlink(at("good"), at("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        assert_eq!(of_neighbour(&at("good")).unwrap(), b"x");
        assert_eq!(secret(&at("link")).unwrap().as_slice(), b"x");
        let refused = |name: &str| of_neighbour(&at(name)).unwrap_err().to_string();
        assert_eq!(refused("large"), "it is larger than 64 KiB");
        assert_eq!(refused("link"), "it is a symbolic link");
        assert_eq!(refused("pipe"), "it is not a regular file");
        assert_eq!(of_neighbour(&at("absent")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
