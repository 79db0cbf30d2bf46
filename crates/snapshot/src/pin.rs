// SPDX-License-Identifier: Apache-2.0
//! What a restore is pinned to, and which volume each of its members was made on. Retention keeps what
//! is pinned; restores obey it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::Id;
use crate::manifest::Unreadable;
use crate::version;

/// What every member of one generation of a cluster is made of. Written once, by whoever is first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    version: String,
    /// The data.
    #[serde(flatten)]
    pub what: Pinned,
    /// The cluster that is made of it. Retention does without.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<PinnedCluster>,
}

/// The data that every member is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Pinned {
    /// A snapshot with a manifest.
    Snapshot {
        /// Its id.
        snapshot: Id,
        /// The digest of the manifest's bytes: it may not change under the restore.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        manifest_sha256: Option<Digest>,
    },
    /// An object of another tool.
    Object {
        /// Its URL.
        object: String,
        /// The digest of the database image in it, as its own trailer says.
        image_sha256: Digest,
    },
}

/// The cluster that a generation makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedCluster {
    /// The peer URLs of each voting member, by name.
    pub voters: BTreeMap<String, Vec<String>>,
    /// The token: with the peer URLs it makes the ids of members and cluster.
    pub token: String,
    /// By how much revisions are raised, and marked as compacted; 0 keeps them.
    pub bump: u64,
}

/// That a member of a generation was made, and on which volume. Written once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    version: String,
    /// The nonce of the volume.
    pub volume: String,
}

impl Pin {
    /// A pin of this version, without a cluster.
    #[must_use]
    pub fn new(snapshot: Id) -> Self {
        let what = Pinned::Snapshot { snapshot, manifest_sha256: None };
        Self { version: version::VERSION.to_owned(), what, cluster: None }
    }

    /// A pin of this version.
    #[must_use]
    pub fn of(what: Pinned, cluster: PinnedCluster) -> Self {
        Self { version: version::VERSION.to_owned(), what, cluster: Some(cluster) }
    }

    /// The snapshot that retention has to keep.
    #[must_use]
    pub fn snapshot(&self) -> Option<Id> {
        match self.what {
            Pinned::Snapshot { snapshot, .. } => Some(snapshot),
            Pinned::Object { .. } => None,
        }
    }

    /// Whether a key, below the prefix of the claims, is a pin's: `<namespace>/<cluster>/<generation>/pin`.
    #[must_use]
    pub fn is_key(key: &str) -> bool {
        key.split('/').count() == 4 && key.ends_with("/pin")
    }

    /// As JSON.
    ///
    /// # Errors
    /// None that a pin can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec_pretty(self)
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

impl Claim {
    /// A claim of this version.
    #[must_use]
    pub fn new(volume: impl Into<String>) -> Self {
        Self { version: version::VERSION.to_owned(), volume: volume.into() }
    }

    /// As JSON.
    ///
    /// # Errors
    /// None that a claim can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec_pretty(self)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> PinnedCluster {
        let voters = [("a".to_owned(), vec!["http://a:2380".to_owned()])].into();
        PinnedCluster { voters, token: "t".to_owned(), bump: 7 }
    }

    #[test]
    fn a_pin_says_the_same_after_a_round_trip() {
        let id: Id = "2026-11-21T01-02-03Z-0a1b2c3d".parse().unwrap();
        let snapshot = Pinned::Snapshot { snapshot: id, manifest_sha256: Some(Digest([7; 32])) };
        let object =
            Pinned::Object { object: "s3://b/k".to_owned(), image_sha256: Digest([9; 32]) };
        for what in [snapshot, object] {
            let pin = Pin::of(what, cluster());
            assert_eq!(Pin::from_bytes(&pin.to_bytes().unwrap()).unwrap(), pin);
        }
        assert_eq!(Pin::new(id).snapshot(), Some(id));
        let bytes = Pin::new(id).to_bytes().unwrap();
        assert_eq!(Pin::from_bytes(&bytes).unwrap().cluster, None);
    }

    #[test]
    fn a_pin_that_names_nothing_is_none() {
        assert!(Pin::from_bytes(br#"{"version":"1.0"}"#).is_err());
        assert!(Pin::from_bytes(br#"{"version":"1.0","snapshot":"x"}"#).is_err());
    }
}
