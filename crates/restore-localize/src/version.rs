// SPDX-License-Identifier: Apache-2.0
//! A version of etcd, as far as its form on disk goes.

use std::fmt;

/// Major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

impl Version {
    pub(crate) const V3_6: Self = Self { major: 3, minor: 6 };
    pub(crate) const V3_5: Self = Self { major: 3, minor: 5 };

    /// From the head of `3.6.16` or `3.6`.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut parts = text.trim().trim_start_matches('v').split(['.', '-', '+']);
        let mut number = || parts.next()?.parse().ok();
        Some(Self { major: number()?, minor: number()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
