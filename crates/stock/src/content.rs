// SPDX-License-Identifier: Apache-2.0
//! Content, and what is said of it.

use etcd_image::Options;
use snapshot::EtcdFacts;

/// A small snapshot that a real etcd 3.6 gave.
pub fn small() -> Vec<u8> {
    include_bytes!("../../etcd-image/tests/data/etcd-3.6.snap").to_vec()
}

/// The same bytes but for one bit of the one at `at`.
pub fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 0x10;
    bytes
}

/// What a manifest says of an etcd snapshot.
pub fn etcd_facts(content: &[u8]) -> EtcdFacts {
    let image = etcd_image::describe(content, &Options::default()).unwrap();
    EtcdFacts::from(&image)
}
