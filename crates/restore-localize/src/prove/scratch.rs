// SPDX-License-Identifier: Apache-2.0
//! The room of one proof: made empty, gone when the proof is over, however it ended.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use sidecar::{Exit, Failure};

/// Everything of a proof lies below this, so that what a killed one left behind is known.
const FOLDER: &str = ".pilotfish-proof";

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes it in a folder that holds nothing else.
    ///
    /// # Errors
    /// [`Exit::Usage`] for a folder that cannot be used; [`Exit::Corrupt`] for one that holds something:
    /// a member's volume given by mistake is not proven in, and not cleaned.
    pub(crate) fn make(parent: &Path) -> anyhow::Result<Self> {
        let unusable = |error: io::Error| {
            let shown = parent.display();
            Failure::new(Exit::Usage, anyhow!("--data-dir {shown}: {error}"))
        };
        if let Some(name) = stranger(parent).map_err(unusable)? {
            let shown = parent.display();
            let why = anyhow!("--data-dir {shown} is not empty, it holds {name}: give an emptyDir");
            return Err(Failure::new(Exit::Corrupt, why));
        }
        let path = parent.join(FOLDER);
        remove(&path).map_err(unusable)?;
        fs::create_dir(&path).map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Failure::new(Exit::Temporary, anyhow!("{}: {error}", path.display()))
            }
            _ => unusable(error),
        })?;
        Ok(Self(path))
    }

    /// A path in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Removes it, and says if that fails.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn clear(self) -> anyhow::Result<()> {
        remove(&self.0).with_context(|| format!("{} stays behind", self.0.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(path = %self.0.display(), error = %error, "scratch stays behind");
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// The first name that is neither of a proof nor of an empty file system.
fn stranger(folder: &Path) -> io::Result<Option<String>> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if name != FOLDER && name != "lost+found" {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_proof_left_goes_and_what_this_one_makes_goes_too() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join("lost+found")).unwrap();
        fs::create_dir_all(parent.path().join(FOLDER).join("member")).unwrap();
        let scratch = Scratch::make(parent.path()).unwrap();
        assert!(!scratch.join("member").exists());
        fs::write(scratch.join("x"), "y").unwrap();
        drop(scratch);
        let left: Vec<_> = fs::read_dir(parent.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_folder_that_holds_something_is_refused_and_left_as_it_is() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join("member")).unwrap();
        let error = Scratch::make(parent.path()).unwrap_err();
        assert_eq!(Failure::exit_of(&error), Exit::Corrupt);
        assert!(error.to_string().contains("holds member"), "{error}");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
