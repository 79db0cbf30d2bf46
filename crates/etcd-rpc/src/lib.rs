// SPDX-License-Identifier: Apache-2.0
//! The calls to one etcd member that backup and restore make: a linearizable read, a count of
//! keys, status, alarms, members, hashes, and the snapshot stream.
//!
//! One connection is one member, so that it is known who answered. The messages are declared here, by
//! the field numbers of etcd's `rpc.proto`, less what is not used: no protocol compiler is needed.

mod args;
mod error;
mod member;
mod messages;
mod stream;

pub use args::{Reach, ReachArgs, Unreadable};
pub use error::{Error, Kind};
pub use member::{Access, Member, User};
pub use messages::{Alarm, AlarmKind, HashKv, Header, Listed, Status};
pub use stream::{Chunk, Snapshot};
