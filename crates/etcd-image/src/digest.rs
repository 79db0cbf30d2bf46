// SPDX-License-Identifier: Apache-2.0
//! Keys of any length as 80 bits.
//!
//! Two different keys have the same bits once in 2^80 times: over ten million keys, a chance of one
//! in ten thousand millions that one is counted wrongly. The bits depend on numbers drawn for each
//! run, so nobody can write keys that collide.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Range;

use aws_lc_rs::digest::{Context, SHA256};

use crate::entry::Value;
use crate::error::Error;

/// How many bits of a digest are set.
pub(crate) const BITS: u32 = 80;
/// Longer keys are hashed in slices, first, as they may not be in memory in one piece.
const LONG: u64 = 4096;

/// Draws digests of keys.
#[derive(Default)]
pub(crate) struct Digester {
    a: RandomState,
    b: RandomState,
}

impl Digester {
    /// The digest of a part of a value.
    pub(crate) fn of(&self, value: &Value<'_>, key: Range<u64>) -> Result<u128, Error> {
        let len = key.end - key.start;
        if len > LONG {
            let mut sum = Context::new(&SHA256);
            value.slices_of(key, |slice| sum.update(slice))?;
            return Ok(self.bits(sum.finish().as_ref(), len));
        }
        if let Some(key) = value.part(key.clone()) {
            return Ok(self.bits(key, len));
        }
        let mut whole = Vec::with_capacity(len as usize);
        value.slices_of(key, |slice| whole.extend_from_slice(slice))?;
        Ok(self.bits(&whole, len))
    }

    fn bits(&self, bytes: &[u8], len: u64) -> u128 {
        let half = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            hasher.write(bytes);
            hasher.write_u64(len);
            u128::from(hasher.finish())
        };
        (half(&self.a) << 64 | half(&self.b)) >> (128 - BITS)
    }
}
