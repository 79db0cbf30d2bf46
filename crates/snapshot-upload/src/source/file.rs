// SPDX-License-Identifier: Apache-2.0
//! A file that nobody writes any more. It is its own spool.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use sidecar::{Exit, Failure};
use snapshot::{Source, SourceKind};

use crate::plan::{Expected, Plan};
use crate::progress::Progress;
use crate::proof;
use crate::received::Received;
use crate::source::{Fed, Feed, Opened};
use crate::spool::Spool;

pub(crate) struct FileSource {
    source: Source,
    expected: Expected,
    before: Stamp,
}

/// What changes when somebody writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &File) -> std::io::Result<Self> {
        let about = file.metadata()?;
        Ok(Self { bytes: about.len(), changed: (about.mtime(), about.mtime_nsec()) })
    }
}

pub(crate) fn open(path: &Path, expected: Expected, plan: &Plan) -> anyhow::Result<Opened> {
    let shown = path.display();
    let unusable = |error: anyhow::Error| Failure::new(Exit::Usage, error);
    let about = std::fs::metadata(path).with_context(|| format!("{shown} cannot be read"));
    if !about.map_err(unusable)?.is_file() {
        return Err(unusable(anyhow!("{shown} is not a regular file")));
    }
    let file =
        File::open(path).with_context(|| format!("{shown} cannot be read")).map_err(unusable)?;
    let before = Stamp::of(&file)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let source = Source {
        kind: SourceKind::File,
        place: plan.place.clone(),
        endpoint: name,
        server_version: None,
        cluster_id: None,
        member_id: None,
    };
    let feed = Feed::File(FileSource { source, expected, before });
    Ok(Opened { spool: Spool::whole(file, before.bytes), limit: before.bytes, feed })
}

impl FileSource {
    pub(crate) async fn run(self, spool: &Spool, progress: &Progress) -> anyhow::Result<Fed> {
        progress.expect(self.before.bytes);
        let (file, reader) = (spool.file(), spool.reader());
        let received = tokio::task::spawn_blocking(move || read(reader)).await??;
        let content = received.sum();
        progress.taken(content.bytes);
        let judging = proof::judge(Arc::clone(&file), content, Some(received), self.expected);
        let facts = judging.await?;
        if Stamp::of(&file)? != self.before {
            let why =
                anyhow!("the file was written while it was read: snapshot it when it is at rest");
            return Err(Failure::new(Exit::Corrupt, why));
        }
        Ok(Fed { source: self.source, content, facts, end: Timestamp::now() })
    }
}

fn read(mut reader: impl std::io::Read) -> std::io::Result<Received> {
    let mut received = Received::default();
    let mut piece = vec![0; 1024 * 1024];
    loop {
        let read = reader.read(&mut piece)?;
        if read == 0 {
            break;
        }
        received.update(&piece[..read]);
    }
    Ok(received)
}
