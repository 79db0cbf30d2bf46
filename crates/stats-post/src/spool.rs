// SPDX-License-Identifier: Apache-2.0
//! What outlives the process: when the run began, its final report, and whether that was heard.
//!
//! One small file for each key, replaced whole and on the disk for good before anything is posted. A
//! report that is kept is never changed: the server knows it by a key that must not name two texts.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::about::Key;
use crate::neighbours::OURS;
use crate::report::Final;
use crate::small_file;

/// The outcomes of all neighbours may be in it.
const LIMIT: usize = 64 * small_file::LIMIT;

/// A folder for reports, or none: then a killed process leaves nothing.
#[derive(Debug)]
pub(crate) struct Spool(Option<PathBuf>);

/// What the lives of a sidecar in one run tell each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "lowercase")]
pub(crate) enum Kept {
    /// The run goes on.
    Counting { started: Timestamp },
    /// Its final report may have been sent, and nobody knows that it was heard.
    Pending { all: Box<Final> },
    /// It was heard.
    Delivered { all: Box<Final> },
}

impl Spool {
    /// Makes the folder. One that cannot be made is told, and is no reason not to post.
    pub(crate) fn open(folder: Option<&Path>, key: &Key) -> Self {
        Self(folder.map(|folder| {
            if let Err(error) = std::fs::create_dir_all(folder) {
                tracing::warn!(path = %folder.display(), error = %error, "the spool cannot be made");
            }
            let path = folder.join(format!("{OURS}-{key}.json"));
            tidy(folder, &unfinished(&path));
            path
        }))
    }

    /// Where the report is.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }

    /// What an earlier life left.
    pub(crate) fn find(&self) -> Option<Kept> {
        let path = self.path()?;
        let read = small_file::of_neighbour_within(path, LIMIT);
        let parsed = read.and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
        match parsed {
            Ok(kept) => Some(kept),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), error = %error, "what an earlier start spooled is lost");
                None
            }
        }
    }

    /// Keeps it for good.
    ///
    /// # Errors
    /// Those of the disk; what was kept before then still is.
    pub(crate) fn keep(&self, kept: &Kept) -> io::Result<()> {
        let Some(path) = self.path() else { return Ok(()) };
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(&unfinished(path)).tempfile_in(folder)?;
        file.write_all(&serde_json::to_vec(kept)?)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    }
}

/// What the name of a file begins with while it is written.
fn unfinished(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    format!(".{name}-")
}

/// Removes what a life that was killed while it wrote has left.
fn tidy(folder: &Path, prefix: &str) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            // One that stays is small, and nobody reads it.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::Form;

    fn key() -> Key {
        Key::of("r", Form::Json, None)
    }

    #[test]
    fn what_is_kept_is_found_and_the_last_one_counts() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(Some(&dir.path().join("a/b")), &key());
        assert_eq!(spool.find(), None);
        for second in [1, 2] {
            let kept = Kept::Counting { started: Timestamp::from_second(second).unwrap() };
            spool.keep(&kept).unwrap();
            assert_eq!(spool.find(), Some(kept));
        }
        assert_eq!(std::fs::read_dir(dir.path().join("a/b")).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_life_left_half_written_goes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let name = format!(".{OURS}-{}-", key());
        for name in [format!("{name}abc"), ".pilotfish-xyz".to_owned(), "proxy.json".to_owned()] {
            std::fs::write(dir.path().join(name), "half").unwrap();
        }
        Spool::open(Some(dir.path()), &key());
        let names = std::fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, [".pilotfish-xyz", "proxy.json"]);
    }

    #[test]
    fn garbage_is_no_report() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(Some(dir.path()), &key());
        for text in ["", "{", r#"{"stage":"sent"}"#] {
            std::fs::write(spool.path().unwrap(), text).unwrap();
            assert_eq!(spool.find(), None, "{text}");
        }
    }

    #[test]
    fn without_a_folder_nothing_is_kept_and_nothing_fails() {
        let spool = Spool::open(None, &key());
        spool.keep(&Kept::Counting { started: Timestamp::UNIX_EPOCH }).unwrap();
        assert_eq!(spool.find(), None);
    }
}
