// SPDX-License-Identifier: Apache-2.0
//! The last change of each key, in a table of fixed size.
//!
//! When it is full, it gives up the keys of one half of what it is responsible for; these are then
//! another pass's. A slot is a number of 128 bits: digest, three flags, and which entry it was.

use crate::digest::BITS;
use crate::error::Error;

/// Bytes of a slot.
pub(crate) const SLOT: usize = 16;
const ORDINAL_BITS: u32 = 45;
const KEPT: u128 = 1 << ORDINAL_BITS;
const LIVE: u128 = KEPT << 1;
const TAKEN: u128 = LIVE << 1;
const DIGEST_AT: u32 = 128 - BITS;
/// A table that would need more parts is too small for anything.
const MOST_HALVINGS: u32 = 24;

/// The keys of a pass: those whose digest ends in certain bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    bits: u32,
    end: u128,
}

impl Part {
    /// All keys.
    pub(crate) const ALL: Self = Self { bits: 0, end: 0 };

    pub(crate) fn holds(self, digest: u128) -> bool {
        digest & ((1 << self.bits) - 1) == self.end
    }

    fn halves(self) -> (Self, Self) {
        let bits = self.bits + 1;
        (Self { bits, end: self.end }, Self { bits, end: self.end | 1 << self.bits })
    }
}

/// An entry, as far as it matters to its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Note {
    pub(crate) digest: u128,
    /// Which of the bucket's entries it is, counted from 0.
    pub(crate) ordinal: u64,
    pub(crate) is_deletion: bool,
    /// Whether it lies in the history that is hashed, and not behind it.
    pub(crate) is_hashed: bool,
}

/// What is known of a key at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Whether its last entry is no deletion.
    pub(crate) is_live: bool,
    /// Its last entry in the history that is hashed, if that is no deletion.
    pub(crate) kept: Option<u64>,
}

/// The table.
pub(crate) struct Table {
    slots: Vec<u128>,
    taken: usize,
    part: Part,
}

impl Table {
    pub(crate) fn new(slots: usize) -> Self {
        Self { slots: vec![0; slots], taken: 0, part: Part::ALL }
    }

    pub(crate) fn part(&self) -> Part {
        self.part
    }

    /// Forgets all keys and takes those of `part`.
    pub(crate) fn restart(&mut self, part: Part) {
        self.slots.fill(0);
        self.taken = 0;
        self.part = part;
    }

    /// Takes an entry, later than all before it, if its key is of this part. Where the table had to
    /// give up keys for that, says which.
    pub(crate) fn note(&mut self, note: &Note, given_up: &mut Vec<Part>) -> Result<(), Error> {
        while self.part.holds(note.digest) {
            let index = self.find(note.digest);
            let slot = self.slots[index];
            if slot & TAKEN == 0 && self.taken >= self.slots.len() / 4 * 3 {
                given_up.push(self.halve()?);
                continue;
            }
            self.taken += usize::from(slot & TAKEN == 0);
            self.slots[index] = updated(slot, note);
            break;
        }
        Ok(())
    }

    /// All keys of this part.
    pub(crate) fn standings(&self) -> impl Iterator<Item = Standing> + '_ {
        self.slots.iter().filter(|slot| **slot & TAKEN != 0).map(|slot| Standing {
            is_live: slot & LIVE != 0,
            kept: (slot & KEPT != 0).then_some((slot & (KEPT - 1)) as u64),
        })
    }

    /// Where the key is, or would be.
    fn find(&self, digest: u128) -> usize {
        let mut index = self.home(digest);
        while self.slots[index] & TAKEN != 0 && self.slots[index] >> DIGEST_AT != digest {
            index = self.after(index);
        }
        index
    }

    fn home(&self, digest: u128) -> usize {
        (((digest >> (BITS - 64)) * self.slots.len() as u128) >> 64) as usize
    }

    fn after(&self, index: usize) -> usize {
        if index + 1 == self.slots.len() { 0 } else { index + 1 }
    }

    fn halve(&mut self) -> Result<Part, Error> {
        if self.part.bits == MOST_HALVINGS {
            return Err(Error::Limit {
                what: "its keys do not fit into the memory allowed",
                limit: (self.slots.len() * SLOT) as u64,
            });
        }
        let (stays, goes) = self.part.halves();
        self.part = stays;
        for index in 0..self.slots.len() {
            // Closing a gap may bring another one here that goes.
            while self.slots[index] & TAKEN != 0 && !stays.holds(self.slots[index] >> DIGEST_AT) {
                self.remove(index);
            }
        }
        Ok(goes)
    }

    /// Frees a slot and moves up those behind it that were pushed on from there.
    fn remove(&mut self, index: usize) {
        let (mut gap, mut next) = (index, self.after(index));
        while self.slots[next] & TAKEN != 0 {
            let home = self.home(self.slots[next] >> DIGEST_AT);
            let len = self.slots.len();
            // How far back each lies from `next`, around the end.
            if (next + len - home) % len >= (next + len - gap) % len {
                self.slots[gap] = self.slots[next];
                gap = next;
            }
            next = self.after(next);
        }
        self.slots[gap] = 0;
        self.taken -= 1;
    }
}

fn updated(slot: u128, note: &Note) -> u128 {
    let live = if note.is_deletion { 0 } else { LIVE };
    let hashed = if !note.is_hashed {
        slot & (KEPT | (KEPT - 1))
    } else if note.is_deletion {
        0
    } else {
        KEPT | u128::from(note.ordinal) & (KEPT - 1)
    };
    note.digest << DIGEST_AT | TAKEN | live | hashed
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn note(number: u64, ordinal: u64, is_deletion: bool) -> Note {
        // Spread as a digest is: the home is taken from its front, the part from its end.
        let digest = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 16
            | u128::from(number & 0xffff);
        Note { digest, ordinal, is_deletion, is_hashed: true }
    }

    fn standings_in_parts(notes: &[Note], slots: usize) -> (Vec<Standing>, usize) {
        let (mut table, mut left, mut all, mut passes) =
            (Table::new(slots), vec![Part::ALL], Vec::new(), 0);
        while let Some(part) = left.pop() {
            table.restart(part);
            for note in notes {
                table.note(note, &mut left).unwrap();
            }
            all.extend(table.standings());
            passes += 1;
        }
        (all, passes)
    }

    #[test]
    fn a_small_table_tells_the_same_in_more_passes() {
        let notes: Vec<Note> = (0..20_000).map(|n| note(n * 7919 % 5_000, n, n % 3 == 0)).collect();
        let mut last: HashMap<u128, Note> = HashMap::new();
        for note in &notes {
            last.insert(note.digest, *note);
        }
        for slots in [64, 1_000, 8_192] {
            let (all, passes) = standings_in_parts(&notes, slots);
            assert_eq!(all.len(), last.len(), "{slots} slots, {passes} passes");
            assert_eq!(passes == 1, slots == 8_192);
            let mut kept: Vec<u64> = all.iter().filter_map(|standing| standing.kept).collect();
            let mut expected: Vec<u64> =
                last.values().filter(|note| !note.is_deletion).map(|note| note.ordinal).collect();
            kept.sort_unstable();
            expected.sort_unstable();
            assert_eq!(kept, expected);
        }
    }

    #[test]
    fn what_is_behind_the_hashed_history_changes_only_whether_a_key_lives() {
        let mut table = Table::new(64);
        let mut given_up = Vec::new();
        for (ordinal, is_deletion, is_hashed) in [(4, false, true), (5, true, false)] {
            let note = Note { is_hashed, ..note(1, ordinal, is_deletion) };
            table.note(&note, &mut given_up).unwrap();
        }
        let standing = Standing { is_live: false, kept: Some(4) };
        assert_eq!(table.standings().collect::<Vec<_>>(), [standing]);
        assert!(given_up.is_empty());
    }
}
