// SPDX-License-Identifier: Apache-2.0
//! Messages of `etcdserverpb`, by their field numbers.
//!
//! Source: `api/etcdserverpb/rpc.proto`, the same from 3.4 to 3.7 for what is here.

use bytes::Bytes;

/// Who answered, and at which revision.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Header {
    /// The cluster.
    #[prost(uint64, tag = "1")]
    pub cluster_id: u64,
    /// The member.
    #[prost(uint64, tag = "2")]
    pub member_id: u64,
    /// Its revision.
    #[prost(int64, tag = "3")]
    pub revision: i64,
    /// Its term.
    #[prost(uint64, tag = "4")]
    pub raft_term: u64,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) range_end: Vec<u8>,
    #[prost(int64, tag = "4")]
    pub(crate) revision: i64,
    #[prost(bool, tag = "9")]
    pub(crate) count_only: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct RangeResponse {
    #[prost(int64, tag = "4")]
    pub(crate) count: i64,
}

/// Answers of which only the header matters.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct Headed {
    #[prost(message, optional, tag = "1")]
    pub(crate) header: Option<Header>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct Empty {}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct SnapshotResponse {
    #[prost(uint64, tag = "2")]
    pub(crate) remaining_bytes: u64,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) blob: Bytes,
    #[prost(string, tag = "4")]
    pub(crate) version: String,
}

/// What a member says of itself.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Status {
    /// Who answered.
    #[prost(message, optional, tag = "1")]
    pub header: Option<Header>,
    /// The server's version.
    #[prost(string, tag = "2")]
    pub version: String,
    /// The size of its database file, in bytes.
    #[prost(int64, tag = "3")]
    pub db_size: i64,
    /// The leader's member id; 0 without one.
    #[prost(uint64, tag = "4")]
    pub leader: u64,
    /// What is wrong with it, in its own words.
    #[prost(string, repeated, tag = "8")]
    pub errors: Vec<String>,
    /// Whether it has no vote.
    #[prost(bool, tag = "10")]
    pub is_learner: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct AlarmRequest {
    #[prost(int32, tag = "1")]
    pub(crate) action: i32,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct AlarmResponse {
    #[prost(message, repeated, tag = "2")]
    pub(crate) alarms: Vec<Alarm>,
}

/// An alarm that is raised.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Alarm {
    /// By whom.
    #[prost(uint64, tag = "1")]
    pub member_id: u64,
    /// Which; see [`AlarmKind`].
    #[prost(enumeration = "AlarmKind", tag = "2")]
    pub alarm: i32,
}

/// Which alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum AlarmKind {
    /// None.
    None = 0,
    /// The quota is used up.
    Nospace = 1,
    /// Members hold different data.
    Corrupt = 2,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct HashKvRequest {
    #[prost(int64, tag = "1")]
    pub(crate) revision: i64,
}

/// The hash of all keys at a revision.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct HashKv {
    /// Who answered.
    #[prost(message, optional, tag = "1")]
    pub header: Option<Header>,
    /// The hash.
    #[prost(uint32, tag = "2")]
    pub hash: u32,
    /// Hashes compare only under the same one.
    #[prost(int64, tag = "3")]
    pub compact_revision: i64,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct AuthenticateRequest {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) password: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct AuthenticateResponse {
    #[prost(string, tag = "2")]
    pub(crate) token: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct MemberListResponse {
    #[prost(message, repeated, tag = "2")]
    pub(crate) members: Vec<Listed>,
}

/// A member as the cluster lists it.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Listed {
    /// Its id.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Its name; empty before it has started.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Where peers reach it.
    #[prost(string, repeated, tag = "3")]
    pub peer_urls: Vec<String>,
    /// Where clients reach it.
    #[prost(string, repeated, tag = "4")]
    pub client_urls: Vec<String>,
    /// Whether it has no vote.
    #[prost(bool, tag = "5")]
    pub is_learner: bool,
}
