// SPDX-License-Identifier: Apache-2.0
//! How far history is compacted, and what follows for a server that starts with the database.

use std::ops::ControlFlow;

use crate::describe::Options;
use crate::error::Error;
use crate::history::Bounds;
use crate::meta::Meta;
use crate::pages::{Pages, Seen};
use crate::small::Small;
use crate::tree::{Root, walk};

/// The revision of an etcd in which nothing was ever stored.
const FIRST: i64 = 1;
const NEVER_COMPACTED: i64 = -1;

/// How far history is, or is to be, compacted.
#[derive(Clone, Copy)]
pub(crate) struct Compaction {
    finished: Option<i64>,
    scheduled: Option<i64>,
}

impl Compaction {
    /// Reads the bucket `meta`.
    pub(crate) fn read(pages: &mut Pages<'_>, meta: &Meta, bucket: Root) -> Result<Self, Error> {
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
    pub(crate) fn latest(self, last: i64) -> i64 {
        last.max(self.compact()).max(FIRST)
    }

    /// How history is hashed for the options.
    pub(crate) fn bounds(self, options: &Options) -> Bounds {
        let until = options.hash_revision.filter(|asked| *asked != 0).unwrap_or(i64::MAX);
        Bounds { compact: self.compact(), until, memory: options.memory }
    }

    /// The revision to be hashed, of a file whose latest is `latest`. A server refuses the same.
    pub(crate) fn hashed(self, options: &Options, latest: i64) -> Result<i64, Error> {
        match options.hash_revision {
            None | Some(0) => Ok(latest),
            Some(asked) if (self.compact().max(FIRST)..=latest).contains(&asked) => Ok(asked),
            Some(asked) => {
                Err(Error::Revision { asked, compacted: self.compact().max(FIRST), latest })
            }
        }
    }
}
