// SPDX-License-Identifier: Apache-2.0
//! Which keys live, and which entries of the compacted history are the last of their key: in one
//! pass over ordinary files, in several where the keys do not fit into the memory allowed.

use crate::digest::Digester;
use crate::entry::Entry;
use crate::error::Error;
use crate::record::{Change, user_key};
use crate::table::{Note, Part, SLOT, Table};

/// Enough for small files at any setting.
const FEWEST: usize = 1024;
/// An entry takes at least so many bytes: an element of its page, and its revision.
const SMALLEST_ENTRY: u64 = 33;

/// Counts keys.
pub(crate) struct Census {
    digester: Digester,
    table: Table,
    /// What other passes must look at.
    pub(crate) left: Vec<Part>,
    /// The highest revision of the history that is hashed.
    until: i64,
}

impl Census {
    /// For a database of `image` bytes, in three quarters of `memory` bytes.
    pub(crate) fn new(until: i64, image: u64, memory: usize) -> Self {
        let needed = usize::try_from(image / SMALLEST_ENTRY * 3 / 2).unwrap_or(usize::MAX);
        let slots = (memory / 4 * 3 / SLOT).min(needed).max(FEWEST);
        Self { digester: Digester::default(), table: Table::new(slots), left: Vec::new(), until }
    }

    /// Starts another pass.
    pub(crate) fn restart(&mut self, part: Part) {
        self.table.restart(part);
    }

    /// Takes the entry that is `ordinal` in its bucket.
    pub(crate) fn note(
        &mut self,
        entry: &Entry<'_>,
        change: Change,
        ordinal: u64,
    ) -> Result<(), Error> {
        let note = Note {
            digest: self.digester.of(&entry.value, user_key(entry)?)?,
            ordinal,
            is_deletion: change.is_deletion,
            is_hashed: change.revision <= self.until,
        };
        self.table.note(&note, &mut self.left)
    }

    /// Ends a pass: adds its keys to `tally`, and marks the entries to be kept in `kept`.
    pub(crate) fn settle(&self, tally: &mut Tally, kept: &mut Kept) {
        for standing in self.table.standings() {
            tally.live += u64::from(standing.is_live);
            if let Some(ordinal) = standing.kept {
                tally.kept += 1;
                kept.mark(ordinal);
            }
        }
        tally.parts.push(self.table.part());
    }
}

/// What the passes together found.
#[derive(Default)]
pub(crate) struct Tally {
    /// Keys that live after the last entry.
    pub(crate) live: u64,
    /// Keys that live at the end of the history that is hashed.
    pub(crate) kept: u64,
    /// What the passes looked at.
    pub(crate) parts: Vec<Part>,
}

/// One bit for each of a stretch of entries.
pub(crate) struct Kept {
    first: u64,
    len: u64,
    bits: Vec<u64>,
}

impl Kept {
    /// As many of `entries` as fit into a quarter of `memory` bytes.
    pub(crate) fn new(entries: u64, memory: usize) -> Self {
        let len = entries.min(((memory / 4).max(FEWEST / 16) * 8) as u64);
        Self { first: 0, len, bits: vec![0; len.div_ceil(64) as usize] }
    }

    /// The entry behind the stretch.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.len
    }

    /// Goes on to the next stretch, with nothing marked.
    pub(crate) fn advance(&mut self) {
        self.first += self.len;
        self.bits.fill(0);
    }

    pub(crate) fn holds(&self, ordinal: u64) -> bool {
        ordinal >= self.first && ordinal < self.end()
    }

    pub(crate) fn is_marked(&self, ordinal: u64) -> bool {
        let index = ordinal - self.first;
        self.bits[(index / 64) as usize] & 1 << (index % 64) != 0
    }

    fn mark(&mut self, ordinal: u64) {
        if self.holds(ordinal) {
            let index = ordinal - self.first;
            self.bits[(index / 64) as usize] |= 1 << (index % 64);
        }
    }
}
