// SPDX-License-Identifier: Apache-2.0
//! Real object stores as child processes, each on a free port of 127.0.0.1 over a temporary folder.
//!
//! What a store holds is read from its disk, or over HTTP by requests that are put together here:
//! never through the code under test. The programs are those of `scripts/tools`; a store that is
//! dropped is killed, its folder goes, and [`crate::Running`] keeps what it said.
//!
//! The questions block their thread for milliseconds; only the start is async.

mod ask;
mod azurite;
mod child;
mod fake_gcs;
mod minio;
mod versitygw;
mod xml;

pub use azurite::Azurite;
pub use fake_gcs::FakeGcs;
pub use minio::Minio;
pub use versitygw::Versitygw;

/// One object as a store lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its whole key.
    pub key: String,
    /// Its bytes.
    pub size: u64,
}
