// SPDX-License-Identifier: Apache-2.0
//! The list of buckets, which is itself a tree.

use std::ops::ControlFlow;

use crate::error::Error;
use crate::meta::u64_at;
use crate::pages::{Pages, Seen};
use crate::tree::{Root, walk};

/// Many more than etcd has, which is a dozen.
const MOST: usize = 256;
const LONGEST_NAME: usize = 256;
/// Root page u64, sequence u64; the bucket's only page follows where the root is 0.
const HEADER: usize = 16;

/// A bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: Vec<u8>,
    pub(crate) root: Root,
}

/// The buckets of a database that is etcd's.
#[derive(Debug)]
pub(crate) struct Buckets {
    /// All of them, in the order of their names.
    pub(crate) all: Vec<Bucket>,
    /// The one that holds users' keys.
    pub(crate) key: Root,
    /// The one that says how far history is compacted.
    pub(crate) meta: Root,
}

/// All buckets, in the order of their names, and that they are etcd's.
pub(crate) fn list(pages: &mut Pages<'_>, seen: &mut Seen, root: u64) -> Result<Buckets, Error> {
    let mut buckets: Vec<Bucket> = Vec::new();
    walk(pages, seen, Root::Page(root), |entry, is_bucket| {
        if !is_bucket {
            return Err(entry.corrupt("an entry among the buckets is none"));
        }
        if buckets.len() == MOST || entry.key.len() > LONGEST_NAME {
            return Err(Error::Limit { what: "it has too many buckets", limit: MOST as u64 });
        }
        let mut header = [0; HEADER];
        if entry.value.peek(0, &mut header)? != HEADER {
            return Err(entry.corrupt("a bucket in it is too short"));
        }
        let root = match u64_at(&header, 0) {
            0 => Root::Inline {
                number: entry.page,
                at: entry.value.at + HEADER as u64,
                len: entry.value.len - HEADER as u64,
            },
            page => Root::Page(page),
        };
        buckets.push(Bucket { name: entry.key.to_vec(), root });
        Ok(ControlFlow::Continue(()))
    })?;
    let named = |name: &[u8]| buckets.iter().find(|bucket| bucket.name == name);
    match (named(b"key"), named(b"meta")) {
        (Some(Bucket { root: key, .. }), Some(Bucket { root: meta, .. })) => {
            Ok(Buckets { key: *key, meta: *meta, all: buckets })
        }
        _ => Err(Error::NotEtcd { looks_like: "a bolt database of another program" }),
    }
}
