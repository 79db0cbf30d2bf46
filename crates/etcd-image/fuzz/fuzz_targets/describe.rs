// SPDX-License-Identifier: Apache-2.0
//! Describes any bytes as a snapshot. Beyond not panicking, and ending: what is said must not depend
//! on the memory allowed, nor on how often it is asked.

#![no_main]

use etcd_image::{Error, Facts, Options, TrailerMode, describe, verify_trailer};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

#[path = "../../tests/it/repair.rs"]
mod repair;

/// The page size of all seeds.
const PAGE: usize = 4096;
const ODD: [u64; 10] = [0, 1, 2, 3, 16, 17, 0x7fff, 0xffff, 0xffff_ffff, u64::MAX];

fn said(file: &[u8], options: &Options) -> Result<Facts, String> {
    describe(file, options).map_err(|error| error.to_string())
}

fuzz_target!(|file: &[u8]| {
    let options = Options::default();
    let facts = said(file, &options);
    assert_eq!(facts, said(file, &Options { memory: 0, ..options }));
    let absent = Options { trailer: TrailerMode::Absent, ..options };
    let bare = said(&file[..file.len().saturating_sub(32)], &absent);
    let Ok(facts) = facts else { return };
    assert_eq!(bare.as_ref(), Ok(&facts));
    assert!(facts.live_keys <= facts.total_keys);
    let asked = Options { hash_revision: Some(facts.revision), ..options };
    assert_eq!(said(file, &asked), Ok(facts));
    assert!(matches!(verify_trailer(&file), Ok(_) | Err(Error::Sum { .. })));
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let size = if seed.is_multiple_of(2) && size > 2 * PAGE {
        change_a_field(&mut data[..size], seed);
        size
    } else {
        fuzzer_mutate(data, size, max_size)
    };
    let mut file = data[..size].to_vec();
    repair::seal(&mut file);
    let size = file.len().min(max_size);
    data[..size].copy_from_slice(&file[..size]);
    size
});

/// Changes a few bytes near the start of a page, where its header and elements are.
fn change_a_field(file: &mut [u8], seed: u32) {
    let mut state = u64::from(seed);
    let mut below = |limit: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let page = below(file.len() / PAGE) * PAGE;
    let near = if below(3) == 0 { 8 } else { 200 };
    let at = page + 2 * below(near);
    let len = [2, 4, 8][below(3)];
    let number = match below(3) {
        0 => ODD[below(ODD.len())],
        1 => below(file.len() / PAGE + 1) as u64,
        _ => u64::from(file[at]).wrapping_add(below(5) as u64).wrapping_sub(2),
    };
    file[at..at + len].copy_from_slice(&number.to_le_bytes()[..len]);
}
