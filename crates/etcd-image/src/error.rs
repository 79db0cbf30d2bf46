// SPDX-License-Identifier: Apache-2.0
//! Why a file is refused, in words for whoever is woken by it.

use std::io;

use thiserror::Error;

/// A file that is no whole, readable etcd snapshot.
#[derive(Debug, Error)]
pub enum Error {
    /// The bytes could not be read; says nothing of what they are.
    #[error("the snapshot cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Something else than an etcd snapshot.
    #[error("this is not an etcd snapshot: it looks like {looks_like}")]
    NotEtcd {
        /// What it is, as far as its first bytes tell: `a gzip file`.
        looks_like: &'static str,
    },
    /// The end is missing.
    #[error("the snapshot was cut off: {}", cut(*.bytes, *.expected))]
    Cut {
        /// Bytes that are there.
        bytes: u64,
        /// Bytes that the database and its trailer have, where enough is left to tell.
        expected: Option<u64>,
    },
    /// The bytes are not those that the server sent.
    #[error(
        "the snapshot is damaged: its trailer says SHA-256 {}, its bytes have {}",
        hex(.expected),
        hex(.found)
    )]
    Sum {
        /// What the trailer says.
        expected: [u8; 32],
        /// What the image has.
        found: [u8; 32],
    },
    /// The database contradicts itself.
    #[error("the snapshot's database is corrupt at page {page}: {what}")]
    Corrupt {
        /// The page's number, counted from 0.
        page: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// More of something than any etcd has: reading on would cost memory without a bound.
    #[error("the snapshot is refused: {what}, more than {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// [`Options::hash_revision`](crate::Options) asks for what the file does not hold.
    #[error(
        "revision {asked} cannot be hashed: the snapshot holds those from {compacted} to {latest}"
    )]
    Revision {
        /// The revision that was asked for.
        asked: i64,
        /// The oldest that can be hashed, up to which history is compacted.
        compacted: i64,
        /// The latest.
        latest: i64,
    },
}

fn cut(bytes: u64, expected: Option<u64>) -> String {
    match expected {
        Some(expected) => format!("{bytes} of {expected} bytes are there"),
        None => format!("{bytes} bytes are there, and not the 32-byte trailer that ends one"),
    }
}

fn hex(sum: &[u8; 32]) -> String {
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}
