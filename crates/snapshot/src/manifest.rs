// SPDX-License-Identifier: Apache-2.0
//! The manifest: the commit marker and the description of one snapshot.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::digest::Digest;
use crate::facts::Facts;
use crate::id::Id;
use crate::place::Place;
use crate::version::{self, UnknownVersion};

/// A manifest, version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    version: String,
    /// The snapshot's id; also in the manifest's own key.
    pub id: Id,
    /// Its class; also in the id.
    pub class: Class,
    /// Where it came from.
    pub source: Source,
    /// When.
    pub taken: Taken,
    /// What lies in the store.
    pub object: Object,
    /// What it is once decoded.
    pub content: Bytes,
    /// What was read from the content.
    #[serde(default)]
    pub facts: Facts,
    /// What took it.
    pub tool: Tool,
}

/// Where a snapshot came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What was asked.
    pub kind: SourceKind,
    /// Whose it is.
    #[serde(flatten)]
    pub place: Place,
    /// The address of the member, or the name of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The server's version, as it said itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// The cluster's id, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// The member's id, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_id: Option<String>,
}

/// What was asked for the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// An etcd member.
    Etcd,
    /// A file.
    File,
    /// A pipe.
    Stdin,
    /// An object that another tool had written.
    Adopted,
}

/// When the content was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Before its first byte. This is the snapshot's time.
    pub start: Timestamp,
    /// After its last byte.
    pub end: Timestamp,
}

/// The data object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Beside the manifest; or, with a leading `/`, from the root of the bucket (adopted objects).
    pub key: String,
    /// Its size in bytes, as stored.
    pub bytes: u64,
    /// Its digest, as stored.
    pub sha256: Digest,
    /// What was done to the content, in order.
    pub encoding: Vec<Encoding>,
}

/// Size and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// The size.
    pub bytes: u64,
    /// The digest.
    pub sha256: Digest,
}

/// What can be done to content on its way to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Compressed: RFC 8878, one frame.
    Zstd,
    /// Encrypted: age-encryption.org/v1, binary.
    Age,
}

/// What took a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its release.
    pub version: String,
    /// Its commit.
    pub commit: String,
}

/// A document that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Of another major version.
    #[error(transparent)]
    Version(#[from] UnknownVersion),
    /// Not JSON, or without a field, or with a value that is none.
    #[error("not a document of ours: {0}")]
    Json(#[from] serde_json::Error),
    /// Its parts contradict each other.
    #[error("it contradicts itself: {0}")]
    Contradiction(&'static str),
}

impl Manifest {
    /// More than any manifest has, in bytes.
    pub const LIMIT: u64 = 64 * 1024;

    /// A manifest of this version.
    #[must_use]
    pub fn new(
        id: Id,
        source: Source,
        taken: Taken,
        object: Object,
        content: Bytes,
        tool: Tool,
    ) -> Self {
        let (version, class) = (version::VERSION.to_owned(), id.class());
        Self { version, id, class, source, taken, object, content, facts: Facts::default(), tool }
    }

    /// With facts.
    #[must_use]
    pub fn with_facts(self, facts: Facts) -> Self {
        Self { facts, ..self }
    }

    /// The snapshot's time. "Newest" is by this, then by id.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.taken.start
    }

    /// As JSON for people.
    ///
    /// # Errors
    /// None that a manifest can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// From JSON. Unknown fields are passed over; an unknown major version or encoding is refused.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        version::check(bytes)??;
        let manifest: Self = serde_json::from_slice(bytes)?;
        match manifest.contradiction() {
            Some(what) => Err(Unreadable::Contradiction(what)),
            None => Ok(manifest),
        }
    }

    fn contradiction(&self) -> Option<&'static str> {
        let object = &self.object;
        let is_plain = object.encoding.is_empty();
        let is_same = object.bytes == self.content.bytes && object.sha256 == self.content.sha256;
        let key = object.key.strip_prefix('/').unwrap_or(&object.key);
        if self.class != self.id.class() {
            Some("its class is not that of its id")
        } else if is_plain && !is_same {
            Some("object and content differ though nothing was encoded")
        } else if key.is_empty() || key.split('/').any(|part| matches!(part, "" | "." | "..")) {
            Some("its object's key is none")
        } else if !object.key.starts_with('/') && object.key.contains('/') {
            Some("its object's key leads out of its folder")
        } else {
            None
        }
    }
}

impl Encoding {
    /// What a key ends in.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Zstd => ".zst",
            Self::Age => ".age",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zstd => "zstd",
            Self::Age => "age",
        })
    }
}
