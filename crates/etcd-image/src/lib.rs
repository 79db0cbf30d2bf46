// SPDX-License-Identifier: Apache-2.0
//! The file that an etcd v3 snapshot is: proven by its trailer, read in bounded memory, described.
//!
//! A snapshot is the image of a bolt database, a multiple of 512 bytes, and behind it the 32 bytes
//! of the image's SHA-256. [`Trailer`] proves that while the bytes arrive, [`verify_trailer`] over
//! a finished file. [`describe`] then walks the database and says what is in it: the same figures
//! as `etcdutl snapshot status` and the HashKV call of a server, without either program.
//!
//! Nothing in the file is believed: any bytes are described or refused, in time linear in their
//! length and in memory that does not grow with it.

mod buckets;
mod census;
mod compaction;
mod describe;
mod digest;
mod entry;
mod error;
mod facts;
mod foreign;
mod history;
mod kept;
mod meta;
mod page;
mod pages;
mod protobuf;
mod record;
mod small;
mod source;
mod table;
mod trailer;
mod tree;

pub use describe::{Options, TrailerMode, describe};
pub use error::Error;
pub use facts::{Alarm, AlarmKind, Facts, HashKv, Member};
pub use source::ReadAt;
pub use trailer::{Sealed, Trailer, verify_trailer};
