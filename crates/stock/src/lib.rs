// SPDX-License-Identifier: Apache-2.0
//! Snapshots as they lie in a store, written by hand: good ones, bad ones, and what lies beside them;
//! and runs of the programs that read them.
//!
//! Tests only: production code never depends on this crate. Nothing here goes through the code under
//! test: what a store holds is laid on its disk, and is read from there. What cannot be made is a panic.

#![expect(clippy::unwrap_used, reason = "all of this is tests, and a test may fail loudly")]

mod bucket;
mod content;
mod disk;
mod folder;
mod ground;
mod keys;
mod run;
mod sample;
mod tmpfs;

pub use bucket::{BUCKET, Bucket, PREFIX};
pub use content::{etcd_facts, flipped, small};
pub use disk::files;
pub use folder::Folder;
pub use ground::Ground;
pub use keys::Keys;
pub use run::{Ended, Going, Run};
pub use sample::Sample;
pub use tmpfs::Tmpfs;
