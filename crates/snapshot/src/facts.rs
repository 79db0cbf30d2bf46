// SPDX-License-Identifier: Apache-2.0
//! What was read from the snapshot itself, never from an answer about it.

use serde::{Deserialize, Serialize};

/// Facts by the kind of content. Content of an unknown kind has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Of an etcd snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etcd: Option<EtcdFacts>,
}

/// Facts of an etcd snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdFacts {
    /// The revision of the last change in it.
    pub revision: i64,
    /// The revision up to which history is compacted; 0 where it never was.
    pub compact_revision: i64,
    /// Distinct keys that live at `revision`.
    pub live_keys: u64,
    /// Entries of all buckets, history included.
    pub total_keys: u64,
    /// The storage version, from 3.6 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_version: Option<String>,
    /// The cluster version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_version: Option<String>,
    /// Whether a restored cluster will ask for a password: that of then.
    pub auth_enabled: bool,
    /// Alarms that a restored cluster will raise: `NOSPACE`, `CORRUPT`.
    pub alarms: Vec<String>,
    /// How many members the cluster had.
    pub members: u64,
    /// How many leases it had.
    pub leases: u64,
    /// The CRC that `etcdutl snapshot status` prints.
    pub status_hash: u32,
    /// The hash of its keys, comparable between members.
    pub hash_kv: HashKv,
}

/// The hash of all keys at a revision, and the members whose own hash was the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashKv {
    /// The revision hashed.
    pub revision: i64,
    /// Hashes compare only under the same one.
    pub compact_revision: i64,
    /// The hash, of the file.
    pub hash: u32,
    /// Ids of the members, in hex, that gave the same hash. Empty where none was asked.
    #[serde(default)]
    pub agreed: Vec<String>,
    /// Why a member that should have been asked is not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_compared: Vec<String>,
}
