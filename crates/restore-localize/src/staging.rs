// SPDX-License-Identifier: Apache-2.0
//! Where a restore is made, on the same mount as what it becomes.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::disk;
use crate::volume::{OURS, Volume};

/// A folder that goes when this does, unless the process is killed: then the next run removes it.
#[derive(Debug)]
pub(crate) struct Staging {
    folder: PathBuf,
    /// Of this attempt alone: a tool that outlived its killed caller writes elsewhere.
    attempt: PathBuf,
}

impl Staging {
    /// # Errors
    /// Those of the disk.
    pub(crate) fn new(volume: &Volume, generation: &str) -> anyhow::Result<Self> {
        let folder = folder(&volume.data_dir, generation);
        let mut random = [0; 4];
        getrandom::fill(&mut random)
            .map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
        let attempt = folder.join(hex::encode(random));
        fs::create_dir_all(&attempt)
            .map_err(|error| disk::failed("cannot be made", &attempt, &error))?;
        Ok(Self { folder, attempt })
    }

    /// Where the snapshot goes.
    pub(crate) fn download(&self) -> PathBuf {
        self.attempt.join("snapshot.db")
    }

    /// What etcd's tool is given as a data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.attempt.join("data")
    }

    /// What becomes the live member.
    pub(crate) fn member(&self) -> PathBuf {
        self.data_dir().join("member")
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// Removes what a run that was killed at its very end has left.
pub(crate) fn tidy(data_dir: &Path, generation: &str) {
    remove(&folder(data_dir, generation));
}

fn folder(data_dir: &Path, generation: &str) -> PathBuf {
    data_dir.join(format!("{OURS}{generation}"))
}

fn remove(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(folder = %folder.display(), error = %error, "staging is left behind");
        }
        _ => {}
    }
}
