// SPDX-License-Identifier: Apache-2.0
//! What is said of a snapshot.

use serde::{Deserialize, Serialize};

/// All that is read from a snapshot's database.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub struct Facts {
    /// Bytes of a page of the database.
    pub page_size: u32,
    /// Bytes of the database image, without the trailer.
    pub image_bytes: u64,
    /// The revision at which a server that starts with this database continues. At least 1, which
    /// is an empty etcd's.
    pub revision: i64,
    /// The revision of the last entry, as `etcdutl snapshot status` prints it. Lower than
    /// `revision` where nothing is stored, and where a compaction removed the last entry.
    pub status_revision: i64,
    /// The revision up to which history was compacted; 0 where it never was.
    pub compact_revision: i64,
    /// The revision up to which history was to be compacted; 0 where it never was. Higher than
    /// `compact_revision` where the snapshot was taken during a compaction, which a server that
    /// starts with it completes.
    pub scheduled_compact_revision: i64,
    /// Distinct keys that live at `revision`: what `etcdutl snapshot status` counts from 3.6 on.
    pub live_keys: u64,
    /// Entries of all buckets, history included: what it counted until 3.5.
    pub total_keys: u64,
    /// The version of the storage's form, such as `3.6.0`; none before 3.6.
    pub storage_version: Option<String>,
    /// The version of the cluster, such as `3.5.0`.
    pub cluster_version: Option<String>,
    /// The index of the last raft entry that is applied.
    pub consistent_index: u64,
    /// That entry's term; 0 before 3.5.
    pub term: u64,
    /// The cluster's members, by id.
    pub members: Vec<Member>,
    /// Whether a server that starts with it asks for a password: that of then.
    pub auth_enabled: bool,
    /// The alarms that a server that starts with it raises.
    pub alarms: Vec<Alarm>,
    /// How many leases there are.
    pub leases: u64,
    /// The CRC that `etcdutl snapshot status` prints, over all buckets. Differs between members.
    pub status_hash: u32,
    /// The hash of the keys alone, which is the same on all members.
    pub hash_kv: HashKv,
}

/// A member of the cluster.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id, in JSON as 16 hex digits.
    #[serde(with = "hex_id")]
    pub id: u64,
    /// Its name; empty for one that has not started yet.
    pub name: String,
    /// Where other members reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
    /// Whether it has no vote.
    pub is_learner: bool,
}

/// An alarm that a member raised.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The member's id, in JSON as 16 hex digits.
    #[serde(with = "hex_id")]
    pub member: u64,
    /// What is wrong with it.
    pub kind: AlarmKind,
}

/// What an alarm says.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum AlarmKind {
    /// The database has outgrown its quota; writes are refused.
    Nospace,
    /// A member's data differs from the others'.
    Corrupt,
    /// One that this version does not know, by number.
    Unknown(i32),
}

/// The hash of all keys at a revision, as the HashKV call of a server answers it.
///
/// Two hashes say something of each other only under the same revision and the same compact
/// revision. A server that is asked for exactly the revision of one of its last compactions answers
/// with the hash of before that compaction, and says so by its compact revision.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashKv {
    /// The revision hashed.
    pub revision: i64,
    /// The revision up to which history is left out, as a server says it: -1 where none was ever
    /// compacted, the scheduled one while a compaction runs.
    pub compact_revision: i64,
    /// CRC-32C over the entries.
    pub hash: u32,
}

mod hex_id {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(id: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{id:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        u64::from_str_radix(&String::deserialize(from)?, 16).map_err(D::Error::custom)
    }
}
