// SPDX-License-Identifier: Apache-2.0
//! A key of a bucket and its value, which may be larger than what is held in memory.

use std::ops::Range;

use crate::error::Error;
use crate::source::ReadAt;

/// The most that is read of a value at once.
const SLICE: u64 = 256 << 10;

/// A key and its value.
pub(crate) struct Entry<'a> {
    /// The page in which it lies.
    pub(crate) page: u64,
    pub(crate) key: &'a [u8],
    pub(crate) value: Value<'a>,
}

/// Bytes of which the first are at hand.
pub(crate) struct Value<'a> {
    pub(crate) len: u64,
    pub(crate) at_hand: &'a [u8],
    pub(crate) source: &'a dyn ReadAt,
    /// Where it starts in the source.
    pub(crate) at: u64,
}

impl Entry<'_> {
    pub(crate) fn corrupt(&self, what: &'static str) -> Error {
        Error::Corrupt { page: self.page, what }
    }

    /// The key, where it is what a value is elsewhere.
    pub(crate) fn key_as_value(&self) -> Value<'_> {
        let len = self.key.len() as u64;
        Value { len, at_hand: self.key, source: self.value.source, at: 0 }
    }
}

impl Value<'_> {
    /// Hands over all bytes in order, in slices.
    pub(crate) fn each_slice(&self, take: impl FnMut(&[u8])) -> Result<(), Error> {
        self.slices_of(0..self.len, take)
    }

    /// Hands over the bytes of `range`, which must lie within, in slices.
    pub(crate) fn slices_of(
        &self,
        range: Range<u64>,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), Error> {
        let mut from = range.start;
        if from < self.at_hand.len() as u64 {
            let to = range.end.min(self.at_hand.len() as u64);
            take(&self.at_hand[from as usize..to as usize]);
            from = to;
        }
        let mut slice = vec![0; range.end.saturating_sub(from).min(SLICE) as usize];
        while from < range.end {
            let want = (range.end - from).min(SLICE) as usize;
            self.source.read_exact_at(&mut slice[..want], self.at + from)?;
            take(&slice[..want]);
            from += want as u64;
        }
        Ok(())
    }

    /// The bytes of `range`, which must lie within, if they are all at hand.
    pub(crate) fn part(&self, range: Range<u64>) -> Option<&[u8]> {
        let end = usize::try_from(range.end).ok()?;
        self.at_hand.get(range.start as usize..end)
    }

    /// All of it in one piece, if it has no more than `limit` bytes.
    pub(crate) fn whole(&self, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        if self.len > limit {
            return Ok(None);
        }
        let mut whole = Vec::with_capacity(self.len as usize);
        self.each_slice(|slice| whole.extend_from_slice(slice))?;
        Ok(Some(whole))
    }

    /// Fills `into` from `from` on, as far as there are bytes, and says how far.
    pub(crate) fn peek(&self, from: u64, into: &mut [u8]) -> Result<usize, Error> {
        let end = self.len.min(from + into.len() as u64);
        let count = end.saturating_sub(from) as usize;
        if let Some(part) = self.part(from..end.max(from)) {
            into[..count].copy_from_slice(part);
        } else {
            self.source.read_exact_at(&mut into[..count], self.at + from)?;
        }
        Ok(count)
    }
}
