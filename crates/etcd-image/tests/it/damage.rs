// SPDX-License-Identifier: Apache-2.0
//! Real snapshots with something changed in them.

use etcd_image::{Error, Options, describe, verify_trailer};
use proptest::prelude::*;

use crate::repair;
use crate::seeds;

/// Some numbers that a field may be changed to.
const ODD: [u64; 8] = [0, 1, 2, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];

#[test]
fn a_change_of_any_byte_is_found_by_the_trailer() {
    let (_, mut snapshot) = seeds::all().remove(0);
    // Not each byte: the sum is one over all, and this is about where it starts and ends.
    let near_ends = (0..700).chain(snapshot.len() - 700..snapshot.len());
    for at in near_ends.chain((0..snapshot.len()).step_by(61)).collect::<Vec<_>>() {
        snapshot[at] ^= 0x10;
        let error = verify_trailer(&snapshot).unwrap_err();
        assert!(matches!(error, Error::Sum { .. }), "{at}: {error}");
        snapshot[at] ^= 0x10;
    }
}

/// Describes a file that may say anything. What comes of it is for the other tests; here, that
/// something does.
fn survives(file: &[u8]) {
    for options in
        [Options::default(), Options { hash_revision: Some(40), memory: 0, ..Options::default() }]
    {
        if let Ok(facts) = describe(file, &options) {
            assert!(facts.live_keys <= facts.total_keys);
            assert!(facts.image_bytes < file.len() as u64);
        }
    }
}

#[test]
fn a_change_of_any_field_of_a_page_is_survived() {
    for (_, snapshot) in seeds::all() {
        for page in (0..snapshot.len() - 32).step_by(4096) {
            for at in (page..page + 160).step_by(2) {
                let mut changed = snapshot.clone();
                changed[at..at + 2].copy_from_slice(&[0xff, 0x7f]);
                repair::seal(&mut changed);
                survives(&changed);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changes_that_no_sum_tells_are_survived(
        which in 0..3_usize,
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..ODD.len(), 1..9_usize, any::<bool>()), 1..6),
    ) {
        let (_, mut snapshot) = seeds::all().remove(which);
        for (index, odd, len, in_header) in changes {
            let at = index.index(snapshot.len() - 200);
            // Most of a page is keys and values, where a change is just another key or value.
            let at = if in_header { at / 4096 * 4096 + at % 100 } else { at };
            snapshot[at..at + len].copy_from_slice(&ODD[odd].to_le_bytes()[..len]);
        }
        repair::seal(&mut snapshot);
        survives(&snapshot);
    }
}
