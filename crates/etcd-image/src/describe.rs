// SPDX-License-Identifier: Apache-2.0
//! From a file to its facts.

use std::ops::ControlFlow;

use crate::buckets::{self, Bucket};
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
use crate::tree::{Root, walk};

const MEMORY: usize = 24 << 20;
/// The revision of an etcd in which nothing was ever stored.
const FIRST: i64 = 1;
const NEVER_COMPACTED: i64 = -1;

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
    let mut reading = Reading {
        small: Small::default(),
        history: History::new(compaction.bounds(options), image_bytes),
        status: 0,
        entries: 0,
    };
    for bucket in &buckets.all {
        reading.bucket(&mut pages, &mut seen, bucket)?;
    }
    let Reading { small, history, status, entries } = reading;
    let status_revision = history.last;
    let revision = compaction.latest(status_revision);
    let hashed = compaction.hashed(options, revision)?;
    let mut again = Again { pages: &mut pages, meta, root: buckets.key };
    let (live_keys, hash_kv) = history.finish(&mut again, hashed)?;
    Ok(Facts {
        page_size: meta.page_size,
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

/// How far history is, or is to be, compacted.
#[derive(Clone, Copy)]
struct Compaction {
    finished: Option<i64>,
    scheduled: Option<i64>,
}

impl Compaction {
    fn read(pages: &mut Pages<'_>, meta: &Meta, bucket: Root) -> Result<Self, Error> {
        let mut small = Small::default();
        walk(pages, &mut Seen::none_of(meta), bucket, |entry, _| {
            small.note(b"meta", entry)?;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Self { finished: small.compacted, scheduled: small.scheduled })
    }

    /// A server that starts with this database completes what was scheduled.
    fn compact(self) -> i64 {
        self.finished.max(self.scheduled).unwrap_or(NEVER_COMPACTED)
    }

    /// The revision at which a server continues, if the last entry's is `last`.
    fn latest(self, last: i64) -> i64 {
        last.max(self.compact()).max(FIRST)
    }

    fn bounds(self, options: &Options) -> Bounds {
        let until = options.hash_revision.filter(|asked| *asked != 0).unwrap_or(i64::MAX);
        Bounds { compact: self.compact(), until, memory: options.memory }
    }

    /// The revision to be hashed, of a file whose latest is `latest`. A server refuses the same.
    fn hashed(self, options: &Options, latest: i64) -> Result<i64, Error> {
        match options.hash_revision {
            None | Some(0) => Ok(latest),
            Some(asked) if (self.compact().max(FIRST)..=latest).contains(&asked) => Ok(asked),
            Some(asked) => {
                Err(Error::Revision { asked, compacted: self.compact().max(FIRST), latest })
            }
        }
    }
}

/// What one pass over all buckets gathers.
struct Reading {
    small: Small,
    history: History,
    status: u32,
    entries: u64,
}

impl Reading {
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
}
