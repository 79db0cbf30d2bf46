// SPDX-License-Identifier: Apache-2.0
//! What a snapshot is: its id, its keys in a store, its manifest, and which ones retention keeps.
//!
//! Pure: no clock, no sockets, no files. The formats are specified in docs/format.md.

mod class;
mod digest;
mod facts;
mod id;
mod manifest;
mod name;
mod pin;
mod place;
mod retention;
mod run;
mod version;

pub use class::{Class, UnknownClass};
pub use digest::{BadDigest, Digest, Summing};
pub use facts::{EtcdFacts, Facts, HashKv};
pub use id::{BadId, Id};
pub use manifest::{
    Bytes, Encoding, Manifest, Object, Source, SourceKind, Taken, Tool, Unreadable,
};
pub use name::{DataName, Entry, entry_of};
pub use pin::{Claim, Pin, Pinned, PinnedCluster};
pub use place::{BadName, Place};
pub use retention::{Decision, Plan, Policy, Refusal, Rule, Verdict, plan};
pub use run::RunRecord;
pub use version::UnknownVersion;
