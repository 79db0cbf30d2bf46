// SPDX-License-Identifier: Apache-2.0
//! The bucket `key`: how many keys live, and the hash that a server's HashKV call answers.
//!
//! The hash is CRC-32C over the bucket's name, then key and value of each entry up to a revision.
//! Of history that is, or will be, compacted, an entry counts only if it is the last of a key that
//! lives at that revision; if no key does, all count; a deletion at the very compact revision never
//! does. So entries before the compact revision can be hashed only when all have been seen: these
//! take a second pass, and the rest, hashed in the first, is put behind.

use std::ops::ControlFlow;

use crate::census::{Census, Kept, Tally};
use crate::entry::Entry;
use crate::error::Error;
use crate::facts::HashKv;
use crate::meta::Meta;
use crate::pages::{Pages, Seen};
use crate::record::{Change, change};
use crate::tree::{Root, walk};

/// A CRC-32C of bytes, and how many there were.
#[derive(Default, Clone, Copy)]
struct Crc {
    sum: u32,
    len: u64,
}

impl Crc {
    fn update(&mut self, bytes: &[u8]) {
        self.sum = crc32c::crc32c_append(self.sum, bytes);
        self.len += bytes.len() as u64;
    }
}

/// How history is to be hashed.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// The compact revision, -1 where there is none.
    pub(crate) compact: i64,
    /// The highest revision that is hashed.
    pub(crate) until: i64,
    /// Bytes to be used at most.
    pub(crate) memory: usize,
}

/// What was read of the bucket.
pub(crate) struct History {
    census: Census,
    bounds: Bounds,
    entries: u64,
    /// How many of them lie in the compacted history.
    compacted: u64,
    /// The last entry's revision, 0 where there is none.
    pub(crate) last: i64,
    above: Crc,
}

impl History {
    pub(crate) fn new(bounds: Bounds, image: u64) -> Self {
        Self {
            census: Census::new(bounds.until, image, bounds.memory),
            bounds,
            entries: 0,
            compacted: 0,
            last: 0,
            above: Crc::default(),
        }
    }

    /// Takes the next entry; hands its value to `take` on the way.
    pub(crate) fn note(
        &mut self,
        entry: &Entry<'_>,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), Error> {
        let change = changed(entry)?;
        self.census.note(entry, change, self.entries)?;
        self.entries += 1;
        self.last = change.revision;
        self.compacted += u64::from(change.revision <= self.bounds.compact);
        if change.revision <= self.bounds.compact || change.revision > self.bounds.until {
            return entry.value.each_slice(take);
        }
        self.above.update(entry.key);
        entry.value.each_slice(|slice| {
            self.above.update(slice);
            take(slice);
        })
    }

    /// After the last entry: how many keys live, and the hash at `revision`.
    pub(crate) fn finish(
        mut self,
        again: &mut Again<'_, '_>,
        revision: i64,
    ) -> Result<(u64, HashKv), Error> {
        let mut kept = Kept::new(self.compacted, self.bounds.memory);
        let mut tally = Tally::default();
        self.census.settle(&mut tally, &mut kept);
        while let Some(part) = self.census.left.pop() {
            self.census.restart(part);
            self.count(again)?;
            self.census.settle(&mut tally, &mut kept);
        }
        let below = self.hash_compacted(again, &mut kept, &tally)?;
        let hash = crc32c::crc32c_combine(below.sum, self.above.sum, to_usize(self.above.len));
        let compact_revision = self.bounds.compact;
        Ok((tally.live, HashKv { revision, compact_revision, hash }))
    }

    /// One more pass of the census, over all entries.
    fn count(&mut self, again: &mut Again<'_, '_>) -> Result<(), Error> {
        let mut ordinal = 0;
        again.walk(|entry| {
            self.census.note(entry, changed(entry)?, ordinal)?;
            ordinal += 1;
            Ok(ControlFlow::Continue(()))
        })
    }

    fn hash_compacted(
        &mut self,
        again: &mut Again<'_, '_>,
        kept: &mut Kept,
        tally: &Tally,
    ) -> Result<Crc, Error> {
        let mut crc = Crc::default();
        crc.update(b"key");
        while self.compacted > 0 {
            self.hash_stretch(again, kept, tally.kept == 0, &mut crc)?;
            if kept.end() >= self.compacted {
                break;
            }
            kept.advance();
            for part in &tally.parts {
                self.census.restart(*part);
                self.count(again)?;
                self.census.settle(&mut Tally::default(), kept);
            }
        }
        Ok(crc)
    }

    fn hash_stretch(
        &self,
        again: &mut Again<'_, '_>,
        kept: &Kept,
        keeps_all: bool,
        crc: &mut Crc,
    ) -> Result<(), Error> {
        let mut ordinal = 0;
        again.walk(|entry| {
            let change = changed(entry)?;
            let this = ordinal;
            ordinal += 1;
            if change.revision > self.bounds.compact || this >= kept.end() {
                return Ok(ControlFlow::Break(()));
            }
            let is_boundary = change.is_deletion && change.revision == self.bounds.compact;
            if kept.holds(this) && !is_boundary && (keeps_all || kept.is_marked(this)) {
                crc.update(entry.key);
                entry.value.each_slice(|slice| crc.update(slice))?;
            }
            Ok(ControlFlow::Continue(()))
        })
    }
}

/// Walks the bucket again.
pub(crate) struct Again<'p, 's> {
    pub(crate) pages: &'p mut Pages<'s>,
    pub(crate) meta: Meta,
    pub(crate) root: Root,
}

impl Again<'_, '_> {
    fn walk(
        &mut self,
        mut visit: impl FnMut(&Entry<'_>) -> crate::tree::Visited,
    ) -> Result<(), Error> {
        walk(self.pages, &mut Seen::none_of(&self.meta), self.root, |entry, _| visit(entry))
    }
}

fn changed(entry: &Entry<'_>) -> Result<Change, Error> {
    change(entry.key).ok_or_else(|| entry.corrupt("an entry's key is no revision"))
}

/// Lossless where files of more than 4 GiB can be read at all.
fn to_usize(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
