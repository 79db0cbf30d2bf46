// SPDX-License-Identifier: Apache-2.0
//! The last steps: a checked member gets its marker, is on the disk, is claimed, and becomes the live one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use sidecar::{Exit, Failure};

use crate::claims::Claims;
use crate::disk;
use crate::disk_file;
use crate::ids;
use crate::marker::Marker;
use crate::staging::Staging;
use crate::volume::Volume;

/// A member with its marker, whole and on the disk.
#[derive(Debug)]
pub(crate) struct Synced(PathBuf);

/// Nobody else may become this member any more.
#[derive(Debug)]
pub(crate) struct Claimed(Synced);

/// Lays the marker into the member.
///
/// # Errors
/// Those of the disk.
pub(crate) fn mark(staging: &Staging, marker: &Marker) -> anyhow::Result<()> {
    let path = Marker::path(&staging.data_dir());
    disk_file::make(&path, marker).map_err(|error| disk::failed("cannot be written", &path, &error))
}

/// Begins to bring the database to the disk, so that [`sync`] has less to do. What fails fails there again.
pub(crate) async fn sync_ahead(member: &Path) {
    let path = member.join("snap").join("db");
    let synced = tokio::task::spawn_blocking(move || File::open(path)?.sync_data()).await;
    if let Ok(Err(error)) = synced {
        tracing::debug!(error = %error, "the database cannot be brought to the disk yet");
    }
}

/// Brings every file and folder of the member to the disk.
///
/// # Errors
/// Those of the disk.
pub(crate) async fn sync(staging: &Staging) -> anyhow::Result<Synced> {
    let member = staging.member();
    let path = member.clone();
    let synced = tokio::task::spawn_blocking(move || sync_tree(&path)).await?;
    synced.map_err(|error| disk::failed("cannot be brought to the disk", &member, &error))?;
    Ok(Synced(member))
}

fn sync_tree(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_tree(&entry?.path())?;
        }
    }
    File::open(path)?.sync_all()
}

/// Records that the member is made on this volume.
///
/// # Errors
/// [`Exit::Corrupt`] if it was made on another one; the store's.
pub(crate) async fn claim(
    synced: Synced,
    claims: Option<&Claims>,
    name: &str,
    volume: &Volume,
) -> anyhow::Result<Claimed> {
    let Some(claims) = claims else { return Ok(Claimed(synced)) };
    let owner = claims.claim(name, &volume.nonce).await?;
    if owner == volume.nonce {
        return Ok(Claimed(synced));
    }
    let url = claims.url();
    let why = anyhow!(
        "{url}{name} was claimed by another volume meanwhile ({owner}): two pods want to be {name}; nothing was touched here"
    );
    Err(Failure::new(Exit::Corrupt, why))
}

/// Makes it the live member. What is there already is never replaced.
///
/// # Errors
/// [`Exit::Corrupt`] if something is there; those of the disk.
pub(crate) fn swap(claimed: Claimed, volume: &Volume) -> anyhow::Result<()> {
    let Claimed(Synced(from)) = claimed;
    let to = volume.data_dir.join("member");
    match rename(&from, &to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let why = anyhow!("{} has come to be meanwhile, and is left as it is", to.display());
            Err(Failure::new(Exit::Corrupt, why))
        }
        Err(error) => Err(disk::failed("cannot be put in its place", &to, &error)),
        Ok(()) => {
            File::open(&volume.data_dir).and_then(|folder| folder.sync_all()).map_err(|error| {
                disk::failed("cannot be brought to the disk", &volume.data_dir, &error)
            })
        }
    }
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some network filesystems cannot. The volume is ours alone, and a folder with content is never
        // replaced by a plain rename either.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if !to.exists() => fs::rename(from, to),
        done => done.map_err(io::Error::from),
    }
}

/// What a lost volume means, and the way forward.
pub(crate) fn lost(name: &str, urls: &[String], token: &str, generation: &str) -> anyhow::Error {
    let (id, urls) = (ids::shown(ids::member_id(urls, token)), urls.join(","));
    let why = anyhow!(
        "{name} was restored in generation {generation} on another volume, which is gone; nothing was touched. \
         If the others live: `etcdctl member remove {id}`, `etcdctl member add {name} --peer-urls={urls}`, then `restore-localize etcd rejoin` on this volume. \
         If they do not: a new --generation"
    );
    Failure::new(Exit::Corrupt, why)
}
