// SPDX-License-Identifier: Apache-2.0
//! The 32 bytes that end a snapshot: the SHA-256 of all that is before them.
//!
//! etcd sends them as the last message of the stream and has no other proof in the file. As an
//! image is whole disk sectors, a length that is not 32 above a multiple of 512 was cut off.

use aws_lc_rs::digest::{Context, SHA256};

use crate::error::Error;
use crate::foreign::{self, HEAD};
use crate::source::ReadAt;

const SUM: usize = 32;
const SECTOR: u64 = 512;
const SLICE: usize = 256 << 10;

/// Proves a snapshot while it arrives.
#[derive(Clone)]
pub struct Trailer {
    sum: Context,
    // The last bytes seen may be the trailer, so they are not hashed until others follow them.
    held: Vec<u8>,
    head: Vec<u8>,
    bytes: u64,
}

/// A snapshot whose trailer matches its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Its length in bytes, with the trailer.
    pub bytes: u64,
    /// The length in bytes of the database image, without the trailer.
    pub image_bytes: u64,
    /// The image's SHA-256, which is the trailer.
    pub image_sha256: [u8; 32],
}

impl Default for Trailer {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Trailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trailer").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Trailer {
    /// Before the first byte.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sum: Context::new(&SHA256),
            held: Vec::with_capacity(2 * SUM),
            head: Vec::with_capacity(HEAD),
            bytes: 0,
        }
    }

    /// Takes the next bytes, as many as there are.
    pub fn update(&mut self, bytes: &[u8]) {
        let head = bytes.len().min(HEAD - self.head.len());
        self.head.extend_from_slice(&bytes[..head]);
        self.bytes += bytes.len() as u64;
        let (older, newest) = bytes.split_at(bytes.len().saturating_sub(SUM));
        let passed = (self.held.len() + newest.len()).saturating_sub(SUM).min(self.held.len());
        self.sum.update(&self.held[..passed]);
        self.held.drain(..passed);
        self.sum.update(older);
        self.held.extend_from_slice(newest);
    }

    /// How many bytes were taken.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The SHA-256 of all bytes taken, the last ones included: that of the file, where the trailer has
    /// that of the image. It costs no second reading.
    #[must_use]
    pub fn file_sha256(&self) -> [u8; SUM] {
        let mut sum = self.sum.clone();
        sum.update(&self.held);
        let mut sha256 = [0; SUM];
        sha256.copy_from_slice(sum.finish().as_ref());
        sha256
    }

    /// After the last byte.
    ///
    /// # Errors
    /// [`Error::NotEtcd`], [`Error::Cut`] or [`Error::Sum`].
    pub fn finish(self) -> Result<Sealed, Error> {
        let image_bytes = self.bytes.saturating_sub(SUM as u64);
        // Whether it was cut matters less than that it never was a snapshot.
        if let Some(looks_like) = foreign::looks_like(&self.head) {
            return Err(Error::NotEtcd { looks_like });
        }
        if self.bytes % SECTOR != SUM as u64 || image_bytes == 0 {
            return Err(unsealed(&self.head, self.bytes));
        }
        let mut expected = [0; SUM];
        expected.copy_from_slice(&self.held);
        let mut found = [0; SUM];
        found.copy_from_slice(self.sum.finish().as_ref());
        if expected != found {
            return Err(Error::Sum { expected, found });
        }
        Ok(Sealed { bytes: self.bytes, image_bytes, image_sha256: found })
    }
}

/// Why a file of `bytes` bytes, not 32 above a multiple of 512, is refused.
pub(crate) fn unsealed(head: &[u8], bytes: u64) -> Error {
    // Too short to tell is cut off, as far as anybody knows.
    if head.len() >= 20 && !foreign::is_bolt(head) {
        return Error::NotEtcd { looks_like: "no file that is known here" };
    }
    Error::Cut { bytes, expected: None }
}

/// The length of the image in a file of `bytes` bytes, if its length says that a trailer ends it.
pub(crate) fn image_of(bytes: u64) -> Option<u64> {
    (bytes % SECTOR == SUM as u64 && bytes > SUM as u64).then(|| bytes - SUM as u64)
}

/// Proves a finished snapshot, reading it once.
///
/// # Errors
/// Those of reading and those of [`Trailer::finish`].
pub fn verify_trailer(source: &impl ReadAt) -> Result<Sealed, Error> {
    let mut trailer = Trailer::new();
    let (mut at, end) = (0, source.len()?);
    let mut slice = vec![0; SLICE.min(usize::try_from(end).unwrap_or(SLICE))];
    while at < end {
        let take = slice.len().min(usize::try_from(end - at).unwrap_or(SLICE));
        source.read_exact_at(&mut slice[..take], at)?;
        trailer.update(&slice[..take]);
        at += take as u64;
    }
    trailer.finish()
}
