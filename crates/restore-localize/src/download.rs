// SPDX-License-Identifier: Apache-2.0
//! From the store into staging: ranges in parallel, digested once on their way, for the manifest's digest
//! and for etcd's own trailer alike.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use catalogue::{Broken, Sink, fetch_into, fetch_raw_into};
use encoding::Identities;
use etcd_image::{Sealed, Trailer};
use sidecar::{Exit, Failure};
use snapshot::{Bytes as Sum, Digest};

use crate::bind::{Data, DataForm};
use crate::disk;
use crate::progress::Progress;

/// A snapshot in staging whose digests and trailer are right.
#[derive(Debug)]
pub(crate) struct Downloaded {
    pub(crate) path: PathBuf,
    pub(crate) content: Sum,
}

/// # Errors
/// [`Exit::Corrupt`] for bytes that are not what they must be; the store's; the disk's.
pub(crate) async fn download(
    data: &Data,
    identity_file: Option<&Path>,
    path: PathBuf,
    progress: Arc<Progress>,
) -> anyhow::Result<Downloaded> {
    let identities = identities(identity_file)?;
    let file =
        File::create_new(&path).map_err(|error| disk::failed("cannot be made", &path, &error))?;
    progress.expect(data.content_bytes());
    let sink = Into { file, trailer: Trailer::new(), progress: Arc::clone(&progress) };
    let fetched = match &data.form {
        DataForm::Snapshot { place, selected } => {
            fetch_into(&data.store, place, &selected.manifest, identities, sink).await
        }
        DataForm::Object { key, .. } => fetch_raw_into(&data.store, key, sink).await,
    };
    let name = data.name();
    let (fetched, sealed) = fetched.map_err(|broken| match broken {
        Broken::Sink(error) => disk::failed("cannot be written", &path, &error),
        broken => broken.into_failure(),
    })?;
    let sealed = sealed.map_err(|error| Failure::new(Exit::Corrupt, anyhow!("{name}: {error}")))?;
    let found = Digest(sealed.image_sha256);
    if let DataForm::Object { image_sha256, .. } = data.form
        && image_sha256 != found
    {
        let why = anyhow!(
            "{name} is not what it was a moment ago: its image has the digest {found}, and had {image_sha256}"
        );
        return Err(Failure::new(Exit::Corrupt, why));
    }
    Ok(Downloaded { path, content: fetched.content })
}

fn identities(file: Option<&Path>) -> anyhow::Result<Option<Identities>> {
    let Some(file) = file else { return Ok(None) };
    let read = Identities::read(file);
    read.map(Some).map_err(|why| Failure::new(Exit::Usage, anyhow!("--identity-file {why}")))
}

/// The file, and the one digest that serves both ends.
struct Into {
    file: File,
    trailer: Trailer,
    progress: Arc<Progress>,
}

impl Sink for Into {
    type Report = Result<Sealed, etcd_image::Error>;

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.trailer.update(bytes);
        self.progress.done(bytes.len() as u64);
        self.file.write_all(bytes)
    }

    fn finish(self) -> io::Result<(Sum, Self::Report)> {
        let sum = Sum { bytes: self.trailer.bytes(), sha256: Digest(self.trailer.file_sha256()) };
        Ok((sum, self.trailer.finish()))
    }
}
