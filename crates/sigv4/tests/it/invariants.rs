// SPDX-License-Identifier: Apache-2.0
//! What holds for every body, well-formed or not. The fuzz target uses this file, too.

use sigv4::{Check, Framing, Reader, Verified};

use crate::reading::{LIMITS, Outcome, check, pieces, read, read_whole, reader};

pub(crate) const FRAMINGS: [Framing; 3] =
    [Framing::Signed, Framing::SignedTrailer, Framing::UnsignedTrailer];

/// Reads the body in each form, checked and unchecked, and holds the results together. Returns how
/// many of the readings were accepted.
pub(crate) fn hold(body: &[u8], sizes: &[usize], chain: &Verified) -> usize {
    let mut accepted = 0;
    for framing in FRAMINGS {
        let skipped = read_whole(reader(framing, Check::Skip), body);
        let checked = read_whole(reader(framing, check(chain)), body);
        cutting_makes_no_difference(framing, body, sizes, chain, &[&skipped, &checked]);
        no_more_comes_out_than_went_in(&skipped, body);
        checking_only_takes_away(&skipped, &checked);
        if skipped.verdict.is_ok() {
            accepted += 1;
            nothing_may_follow_or_lack(framing, body, &skipped);
        }
        accepted += usize::from(checked.verdict.is_ok());
    }
    accepted
}

fn cutting_makes_no_difference(
    framing: Framing,
    body: &[u8],
    sizes: &[usize],
    chain: &Verified,
    whole: &[&Outcome; 2],
) {
    let skipped = read(reader(framing, Check::Skip), pieces(body, sizes));
    let checked = read(reader(framing, check(chain)), pieces(body, sizes));
    assert_eq!(&skipped, whole[0], "{framing:?} in pieces of {sizes:?}");
    assert_eq!(&checked, whole[1], "{framing:?}, checked, in pieces of {sizes:?}");
}

fn no_more_comes_out_than_went_in(outcome: &Outcome, body: &[u8]) {
    assert!(outcome.data.len() <= body.len());
    if outcome.verdict.is_ok() {
        assert_eq!(outcome.chunks.iter().sum::<u64>(), outcome.data.len() as u64);
    }
}

/// What checking lets pass is what comes out without checking.
fn checking_only_takes_away(skipped: &Outcome, checked: &Outcome) {
    assert!(skipped.data.starts_with(&checked.data));
    if checked.verdict.is_ok() {
        assert!(skipped.verdict.is_ok());
        assert_eq!(
            (&skipped.data, &skipped.chunks, &skipped.trailers),
            (&checked.data, &checked.chunks, &checked.trailers)
        );
    }
}

/// An accepted body is refused with a byte more, and with another announced length.
fn nothing_may_follow_or_lack(framing: Framing, body: &[u8], accepted: &Outcome) {
    let longer = [body, b"x"].concat();
    assert!(read_whole(reader(framing, Check::Skip), &longer).verdict.is_err());
    let seen = accepted.data.len() as u64;
    for (declared, agrees) in [(seen, true), (seen + 1, false), (seen.wrapping_sub(1), false)] {
        let reader = Reader::new(framing, LIMITS, Some(declared), Check::Skip);
        assert_eq!(read_whole(reader, body).verdict.is_ok(), agrees, "announced {declared}");
    }
}
