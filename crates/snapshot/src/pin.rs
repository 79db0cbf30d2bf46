// SPDX-License-Identifier: Apache-2.0
//! What a restore is pinned to. Retention keeps it; restores obey it.

use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::manifest::Unreadable;
use crate::version;

/// The part of a pin that retention reads. Restores write more into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    version: String,
    /// The snapshot that every member of the restored cluster is made of.
    pub snapshot: Id,
}

impl Pin {
    /// A pin of this version.
    #[must_use]
    pub fn new(snapshot: Id) -> Self {
        Self { version: version::VERSION.to_owned(), snapshot }
    }

    /// Whether a key, below the prefix of the claims, is a pin's: `<namespace>/<cluster>/<generation>/pin`.
    #[must_use]
    pub fn is_key(key: &str) -> bool {
        key.split('/').count() == 4 && key.ends_with("/pin")
    }

    /// From JSON.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        version::check(bytes)??;
        Ok(serde_json::from_slice(bytes)?)
    }
}
