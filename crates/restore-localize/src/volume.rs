// SPDX-License-Identifier: Apache-2.0
//! The volume: what lies on it, whose it is, and that nobody else works on it.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde::{Deserialize, Serialize};
use sidecar::{Exit, Failure};

use crate::disk;
use crate::disk_file;
use crate::marker::Marker;

const NONCE: &str = ".pilotfish-volume";
const REJOINED: &str = ".pilotfish-rejoined.json";
/// What begins so is ours, and no content.
pub(crate) const OURS: &str = ".pilotfish-";
/// Filesystems put it at their root.
const LOST_AND_FOUND: &str = "lost+found";
const LIMIT: u64 = 4096;

/// What lies in a data directory, as one generation sees it.
#[derive(Debug)]
pub(crate) enum Look {
    /// There is no such directory.
    Absent,
    /// No content.
    Empty,
    /// This generation's restore.
    Restored(Box<Marker>),
    /// This generation's member joined empty, after its first volume was lost.
    Rejoined,
    /// Something that this generation did not write, and what.
    Populated(String),
}

/// A volume that is ours alone while this lives.
#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) data_dir: PathBuf,
    /// Made once, kept for ever: another volume has another one.
    pub(crate) nonce: String,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Nonce {
    nonce: String,
}

#[derive(Serialize, Deserialize)]
struct Rejoined {
    generation: String,
}

/// Looks, and touches nothing.
///
/// # Errors
/// [`Exit::Usage`] for what cannot be read.
pub(crate) fn look(data_dir: &Path, generation: &str) -> anyhow::Result<Look> {
    see(data_dir, generation).map_err(|error| disk::failed("cannot be read", data_dir, &error))
}

fn see(data_dir: &Path, generation: &str) -> io::Result<Look> {
    match disk_file::small::<Rejoined>(&data_dir.join(REJOINED), LIMIT) {
        Ok(Some(rejoined)) if rejoined.generation == generation => return Ok(Look::Rejoined),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            return Ok(Look::Populated(format!("a damaged `{REJOINED}` ({error})")));
        }
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    match Marker::read(data_dir) {
        Ok(Some(marker)) if marker.generation == generation => {
            return Ok(Look::Restored(Box::new(marker)));
        }
        Ok(Some(marker)) => {
            let text = format!("the restore of generation {}", marker.generation);
            return Ok(Look::Populated(text));
        }
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            return Ok(Look::Populated(format!("a restore whose marker is damaged ({error})")));
        }
        Ok(None) => {}
        Err(error) => return Err(error),
    }
    content(data_dir)
}

fn content(data_dir: &Path) -> io::Result<Look> {
    let entries = match fs::read_dir(data_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Look::Absent),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name != LOST_AND_FOUND && !name.starts_with(OURS) {
            return Ok(Look::Populated(format!("`{name}`, which no restore of ours made")));
        }
    }
    Ok(Look::Empty)
}

/// Why a populated volume is left as it is.
pub(crate) fn populated(data_dir: &Path, what: &str, generation: &str) -> anyhow::Error {
    let shown = data_dir.display();
    let why = anyhow!(
        "{shown} holds {what}: nothing was touched. To restore generation {generation} here, give this member \
         an empty volume; to keep what is there, take --generation away"
    );
    Failure::new(Exit::Corrupt, why)
}

/// The nonce, if the volume has one.
///
/// # Errors
/// [`Exit::Failed`] for one that cannot be read.
pub(crate) fn nonce(data_dir: &Path) -> anyhow::Result<Option<String>> {
    let path = data_dir.join(NONCE);
    let nonce = disk_file::small::<Nonce>(&path, LIMIT);
    let nonce = nonce.map_err(|error| disk::failed("is damaged", &path, &error))?;
    Ok(nonce.map(|it| it.nonce))
}

impl Volume {
    /// Takes hold of a volume without content, and gives it a nonce if it has none.
    ///
    /// # Errors
    /// [`Exit::Temporary`] while another restore works on it; those of the disk.
    pub(crate) fn take(data_dir: &Path) -> anyhow::Result<Self> {
        let failed = |what: &str, error: &io::Error| disk::failed(what, data_dir, error);
        make(data_dir).map_err(|error| failed("cannot be made", &error))?;
        let path = data_dir.join(NONCE);
        let lock = hold(&path).map_err(|error| failed("cannot be written", &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let shown = data_dir.display();
                let why = anyhow!("another restore is at work on {shown}");
                return Err(Failure::new(Exit::Temporary, why));
            }
            Err(TryLockError::Error(error)) => return Err(failed("cannot be locked", &error)),
        }
        let nonce = nonce(data_dir)?.ok_or_else(|| anyhow!("{} has gone", path.display()))?;
        Ok(Self { data_dir: data_dir.to_owned(), nonce, _lock: lock })
    }

    /// Notes that this generation's member joins empty.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn note_rejoined(&self, generation: &str) -> anyhow::Result<()> {
        let path = self.data_dir.join(REJOINED);
        // That of an earlier generation says nothing any more.
        let removed = fs::remove_file(&path);
        let removed = removed.or_else(|error| match error.kind() {
            ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        });
        let note = Rejoined { generation: generation.to_owned() };
        removed
            .and_then(|()| disk_file::make(&path, &note))
            .map_err(|error| disk::failed("cannot be written", &path, &error))
    }

    /// Removes what failed attempts have left: staging of any generation, and half-made files. What somebody
    /// still writes to is left to a later run: no attempt uses another one's.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn clean(&self) -> anyhow::Result<()> {
        clean(&self.data_dir)
            .map_err(|error| disk::failed("cannot be cleaned", &self.data_dir, &error))
    }
}

/// The nonce's file, which is also what is locked.
fn hold(path: &Path) -> io::Result<File> {
    if !path.exists() {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
        disk_file::make(path, &Nonce { nonce: hex::encode(random) })?;
    }
    File::open(path)
}

/// As etcd makes it: for its own user alone.
fn make(data_dir: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(data_dir) {
        Ok(()) => {
            // Whoever may make a folder here may not always open its parent.
            let parent = data_dir.parent().and_then(|parent| File::open(parent).ok());
            parent.map_or(Ok(()), |parent| parent.sync_all())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn clean(data_dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(data_dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with(OURS) || name == NONCE || name == REJOINED {
            continue;
        }
        let removed = match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path()),
            false => fs::remove_file(entry.path()),
        };
        match removed {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
                tracing::warn!(path = %entry.path().display(), "leftovers are still written to");
            }
            removed => removed?,
        }
    }
    Ok(())
}
