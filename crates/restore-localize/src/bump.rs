// SPDX-License-Identifier: Apache-2.0
//! What becomes of revisions.

/// More than any cluster has written since its last snapshot.
const DEFAULT: u64 = 1_000_000_000;

/// What becomes of revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bump {
    /// They go back to the snapshot's: a watcher at a higher one hears nothing until it is passed.
    Keep,
    /// They are raised by so much, and what is older is compacted: a watcher is told to begin anew.
    By(u64),
}

impl Bump {
    pub(crate) fn of(by: u64) -> Self {
        if by == 0 { Self::Keep } else { Self::By(by) }
    }

    pub(crate) fn by(self) -> u64 {
        match self {
            Self::Keep => 0,
            Self::By(by) => by,
        }
    }
}

impl Default for Bump {
    fn default() -> Self {
        Self::By(DEFAULT)
    }
}
