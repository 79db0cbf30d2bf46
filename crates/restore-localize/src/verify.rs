// SPDX-License-Identifier: Apache-2.0
//! What is in the snapshot itself, beside what its manifest says.

use std::fs::File;
use std::path::PathBuf;

use anyhow::anyhow;
use etcd_image::{Facts, Options, TrailerMode};
use sidecar::{Exit, Failure};
use snapshot::Manifest;

use crate::version::Version;

/// Reads all of a database.
///
/// # Errors
/// [`Exit::Corrupt`]; those of the disk.
pub(crate) async fn describe(path: PathBuf, trailer: TrailerMode) -> anyhow::Result<Facts> {
    describe_at(path, trailer, None).await
}

/// The same, hashed and counted at a revision.
///
/// # Errors
/// As of [`describe`].
pub(crate) async fn describe_at(
    path: PathBuf,
    trailer: TrailerMode,
    hash_revision: Option<i64>,
) -> anyhow::Result<Facts> {
    let shown = path.display().to_string();
    let options = Options { trailer, hash_revision, ..Options::default() };
    let read = tokio::task::spawn_blocking(move || {
        let file = File::open(path)?;
        etcd_image::describe(&file, &options)
    });
    read.await?.map_err(|error| {
        let exit = match error {
            etcd_image::Error::Io(_) => Exit::Failed,
            _ => Exit::Corrupt,
        };
        Failure::new(exit, anyhow!("{shown}: {error}"))
    })
}

/// A manifest whose facts are not those of its data is not believed in anything.
///
/// # Errors
/// [`Exit::Corrupt`].
pub(crate) fn as_told(facts: &Facts, manifest: Option<&Manifest>) -> anyhow::Result<()> {
    let Some(told) = manifest.and_then(|it| it.facts.etcd.as_ref()) else { return Ok(()) };
    let pairs = [
        ("revision", facts.revision, told.revision),
        ("live keys", as_i64(facts.live_keys), as_i64(told.live_keys)),
        ("HashKV", facts.hash_kv.hash.into(), told.hash_kv.hash.into()),
    ];
    match pairs.into_iter().find(|(_, is, said)| is != said) {
        None => Ok(()),
        Some((what, is, said)) => {
            let why = anyhow!("the snapshot's {what} is {is}, and its manifest says {said}");
            Err(Failure::new(Exit::Corrupt, why))
        }
    }
}

fn as_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The version of etcd that wrote it, as far as its form goes.
pub(crate) fn version_of(facts: &Facts) -> Option<Version> {
    let text = facts.storage_version.as_ref().or(facts.cluster_version.as_ref())?;
    Version::of(text)
}

/// The same, by its manifest, before anything is fetched.
pub(crate) fn version_told(manifest: &Manifest) -> Option<Version> {
    let etcd = manifest.facts.etcd.as_ref();
    let of = |text: Option<&String>| text.and_then(|text| Version::of(text));
    of(etcd.and_then(|it| it.storage_version.as_ref()))
        .or_else(|| of(etcd.and_then(|it| it.cluster_version.as_ref())))
        .or_else(|| of(manifest.source.server_version.as_ref()))
}

/// etcd refuses to start on what a newer minor wrote, or starts and may read it wrong.
///
/// # Errors
/// [`Exit::Usage`].
pub(crate) fn not_newer(snapshot: Option<Version>, tool: Version) -> anyhow::Result<()> {
    match snapshot {
        Some(snapshot) if snapshot > tool => {
            let why = anyhow!(
                "the snapshot is of etcd {snapshot} and this image has etcd {tool}: restore it with an image of {snapshot} or newer"
            );
            Err(Failure::new(Exit::Usage, why))
        }
        _ => Ok(()),
    }
}
