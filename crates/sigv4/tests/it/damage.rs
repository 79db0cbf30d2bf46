// SPDX-License-Identifier: Apache-2.0
//! No damage to a signed body goes unseen: it is refused, or means the same.

use proptest::prelude::*;
use sigv4::{Check, FrameError, Framing, Verified};

use crate::example::example_chain;
use crate::invariants::hold;
use crate::reading::{Outcome, check, read_whole, reader};
use crate::writing::{signed, small_signed, small_signed_trailer};

fn read_checked(framing: Framing, body: &[u8], chain: &Verified) -> Outcome {
    read_whole(reader(framing, check(chain)), body)
}

/// The signed forms with a small body each.
fn bodies() -> [(Framing, Vec<u8>); 2] {
    [(Framing::Signed, small_signed()), (Framing::SignedTrailer, small_signed_trailer())]
}

/// Refused, or the same data and the same trailers.
fn assert_harmless(framing: Framing, damaged: &[u8], chain: &Verified, intact: &Outcome) -> bool {
    let outcome = read_checked(framing, damaged, chain);
    if outcome.verdict.is_err() {
        return false;
    }
    let text = String::from_utf8_lossy(damaged);
    assert_eq!(outcome.data, intact.data, "{text}");
    assert_eq!(outcome.trailers, intact.trailers, "{text}");
    true
}

#[test]
fn any_byte_changed_to_any_other_is_refused_or_means_the_same() {
    let chain = example_chain();
    for (framing, body) in bodies() {
        let intact = read_checked(framing, &body, &chain);
        assert_eq!(intact.verdict, Ok(()));
        let mut accepted = 0;
        for at in 0..body.len() {
            let mut damaged = body.clone();
            for byte in (0..=u8::MAX).filter(|byte| *byte != body[at]) {
                damaged[at] = byte;
                accepted += usize::from(assert_harmless(framing, &damaged, &chain, &intact));
            }
        }
        // A size's digits and a trailer's name in upper case; a trailer's lines ended by LF alone,
        // with a space where the CR was.
        assert!(accepted < 60, "{accepted} of {} pass", body.len() * 255);
    }
}

#[test]
fn any_byte_removed_or_doubled_is_refused_or_means_the_same() {
    let chain = example_chain();
    for (framing, body) in bodies() {
        let intact = read_checked(framing, &body, &chain);
        for at in 0..body.len() {
            let removed = [&body[..at], &body[at + 1..]].concat();
            let doubled = [&body[..=at], &body[at..]].concat();
            for damaged in [removed, doubled] {
                assert_harmless(framing, &damaged, &chain, &intact);
            }
        }
    }
}

#[test]
fn a_body_cut_anywhere_is_refused() {
    let chain = example_chain();
    for (framing, body) in bodies() {
        for length in 0..body.len() {
            for check in [Check::Skip, check(&chain)] {
                let outcome = read_whole(reader(framing, check), &body[..length]);
                assert_eq!(outcome.verdict, Err(FrameError::Truncated), "{framing:?} {length}");
            }
        }
    }
}

#[test]
fn a_body_that_goes_on_is_refused() {
    let chain = example_chain();
    for (framing, body) in bodies() {
        let longer = [&body[..], &body[..]].concat();
        let outcome = read_checked(framing, &longer, &chain);
        assert_eq!(outcome.verdict, Err(FrameError::BytesAfterEnd), "{framing:?}");
    }
}

/// A chunk's signature covers its place: chunks cannot be swapped, dropped or sent twice.
#[test]
fn chunks_out_of_place_are_refused() {
    let chain = example_chain();
    let body = signed(&chain, &[b"first".to_vec(), b"other".to_vec()]);
    let chunk = 1 + 17 + 64 + 2 + 5 + 2;
    let (first, rest) = body.split_at(chunk);
    let (second, end) = rest.split_at(chunk);
    for (what, parts) in [
        ("swapped", vec![second, first, end]),
        ("the first dropped", vec![second, end]),
        ("the last dropped", vec![first, end]),
        ("all dropped", vec![end]),
        ("the first sent twice", vec![first, first, second, end]),
        ("the last sent twice", vec![first, second, second, end]),
    ] {
        let outcome = read_checked(Framing::Signed, &parts.concat(), &chain);
        assert_eq!(outcome.verdict, Err(FrameError::SignatureMismatch), "{what}");
    }
    assert_eq!(read_checked(Framing::Signed, &body, &chain).verdict, Ok(()));
}

/// Lines that a fuzzer would take long to find.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let signature = "a".repeat(64);
    let fixed = [
        "0\r\n".to_owned(),
        "\r\n".to_owned(),
        "\n".to_owned(),
        "3\r\nabc\r\n".to_owned(),
        "A\r\n0123456789\r\n".to_owned(),
        format!("3;chunk-signature={signature}\r\nabc\r\n"),
        format!("0;chunk-signature={signature}\r\n"),
        "x-amz-checksum-crc32:AAAAAA==\r\n".to_owned(),
        "x-amz-checksum-crc32:AAAAAA==\n\r\n".to_owned(),
        format!("x-amz-trailer-signature:{signature}\r\n"),
        "ffffffffffffffff\r\n".to_owned(),
        "100001\r\n".to_owned(),
        "a".repeat(255),
    ];
    prop_oneof![
        4 => proptest::sample::select(fixed.to_vec()).prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
        1 => proptest::sample::select(vec![small_signed(), small_signed_trailer()]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn no_bytes_make_the_reader_panic_or_contradict_itself(
        fragments in proptest::collection::vec(fragment(), 0..8),
        sizes in proptest::collection::vec(1..90_usize, 1..5),
    ) {
        hold(&fragments.concat(), &sizes, &example_chain());
    }
}
