// SPDX-License-Identifier: Apache-2.0
//! From a file to its facts.

use std::ops::ControlFlow;

use crate::buckets::{self, Bucket};
use crate::compaction::Compaction;
use crate::entry::Entry;
use crate::error::Error;
use crate::facts::Facts;
use crate::foreign::{self, HEAD};
use crate::history::{Again, Bounds, History};
use crate::meta::{self, Meta};
use crate::pages::{Pages, Seen};
use crate::small::Small;
use crate::source::ReadAt;
use crate::trailer;
use crate::tree::walk;

const MEMORY: usize = 24 << 20;

/// How to describe a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The revision of [`Facts::hash_kv`]; none, or 0, is the file's own latest.
    pub hash_revision: Option<i64>,
    /// Bytes that tables of keys may take, 24 MiB unless told otherwise. Where more keys live than
    /// fit, about 800,000 in 24 MiB, the file is read more often. Some 2 MiB of buffers, and one
    /// bit for each page, come on top.
    pub memory: usize,
    /// Whether the file ends in a trailer.
    pub trailer: TrailerMode,
}

/// Whether the file ends in a trailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrailerMode {
    /// As all that etcd sends. Only the length is looked at: see [`verify_trailer`](crate::verify_trailer).
    Expected,
    /// As the `db` file of a data directory, which nothing proves.
    Absent,
}

impl Default for Options {
    fn default() -> Self {
        Self { hash_revision: None, memory: MEMORY, trailer: TrailerMode::Expected }
    }
}

/// Reads all of a snapshot's database and says what is in it.
///
/// # Errors
/// All of [`Error`] but [`Error::Sum`]: the trailer's sum is not computed.
pub fn describe(source: &(impl ReadAt + ?Sized), options: &Options) -> Result<Facts, Error> {
    let source: &dyn ReadAt = &source;
    let image_bytes = image(source, options.trailer)?;
    let meta = meta::read(source, image_bytes)?;
    whole(source, image_bytes, &meta, options.trailer)?;
    let mut pages = Pages::new(source, &meta);
    let mut seen = Seen::none_of(&meta);
    let buckets = buckets::list(&mut pages, &mut seen, meta.root)?;
    let compaction = Compaction::read(&mut pages, &meta, buckets.meta)?;
    let mut reading = Reading::new(image_bytes, compaction.bounds(options));
    for bucket in &buckets.all {
        reading.bucket(&mut pages, &mut seen, bucket)?;
    }
    let revision = compaction.latest(reading.history.last);
    let hashed = compaction.hashed(options, revision)?;
    let mut again = Again { pages: &mut pages, meta, root: buckets.key };
    reading.facts(&mut again, revision, hashed)
}

/// The image's length, and that this may be one.
fn image(source: &dyn ReadAt, mode: TrailerMode) -> Result<u64, Error> {
    let bytes = source.len()?;
    let mut head = vec![0; HEAD.min(usize::try_from(bytes).unwrap_or(HEAD))];
    source.read_exact_at(&mut head, 0)?;
    if let Some(looks_like) = foreign::looks_like(&head) {
        return Err(Error::NotEtcd { looks_like });
    }
    match mode {
        TrailerMode::Absent => Ok(bytes),
        TrailerMode::Expected => {
            trailer::image_of(bytes).ok_or_else(|| trailer::unsealed(&head, bytes))
        }
    }
}

/// That all pages are there. There may be more bytes than pages: a data directory's file grows in
/// steps.
fn whole(source: &dyn ReadAt, image: u64, meta: &Meta, mode: TrailerMode) -> Result<(), Error> {
    let pages = meta.pages.saturating_mul(meta.page_size.into());
    if pages <= image {
        return Ok(());
    }
    let trailer = match mode {
        TrailerMode::Expected => 32,
        TrailerMode::Absent => 0,
    };
    Err(Error::Cut { bytes: source.len()?, expected: Some(pages.saturating_add(trailer)) })
}

/// What one pass over all buckets gathers.
struct Reading {
    image_bytes: u64,
    small: Small,
    history: History,
    status: u32,
    entries: u64,
}

impl Reading {
    fn new(image_bytes: u64, bounds: Bounds) -> Self {
        let history = History::new(bounds, image_bytes);
        Self { image_bytes, small: Small::default(), history, status: 0, entries: 0 }
    }

    fn bucket(
        &mut self,
        pages: &mut Pages<'_>,
        seen: &mut Seen,
        bucket: &Bucket,
    ) -> Result<(), Error> {
        self.status = crc32c::crc32c_append(self.status, &bucket.name);
        walk(pages, seen, bucket.root, |entry, is_bucket| {
            if is_bucket {
                return Err(entry.corrupt("a bucket lies in a bucket"));
            }
            self.entry(&bucket.name, entry)?;
            Ok(ControlFlow::Continue(()))
        })
    }

    fn entry(&mut self, bucket: &[u8], entry: &Entry<'_>) -> Result<(), Error> {
        self.entries += 1;
        let mut status = crc32c::crc32c_append(self.status, entry.key);
        let take = |slice: &[u8]| status = crc32c::crc32c_append(status, slice);
        if bucket == b"key" {
            self.history.note(entry, take)?;
        } else {
            self.small.note(bucket, entry)?;
            entry.value.each_slice(take)?;
        }
        self.status = status;
        Ok(())
    }

    /// After the last bucket.
    fn facts(self, again: &mut Again<'_, '_>, revision: i64, hashed: i64) -> Result<Facts, Error> {
        let Self { image_bytes, small, history, status, entries } = self;
        let (page_size, status_revision) = (again.meta.page_size, history.last);
        let (live_keys, hash_kv) = history.finish(again, hashed)?;
        Ok(Facts {
            page_size,
            image_bytes,
            revision,
            status_revision,
            compact_revision: small.compacted.unwrap_or_default(),
            scheduled_compact_revision: small.scheduled.unwrap_or_default(),
            live_keys,
            total_keys: entries,
            storage_version: small.storage_version,
            cluster_version: small.cluster_version,
            consistent_index: small.consistent_index,
            term: small.term,
            members: small.members,
            auth_enabled: small.auth_enabled,
            alarms: small.alarms,
            leases: small.leases,
            status_hash: status,
            hash_kv,
        })
    }
}
