// SPDX-License-Identifier: Apache-2.0
//! Drives a reader over a body in pieces and notes all it says. The fuzz target uses this file, too.

use std::sync::Arc;

use bytes::Bytes;
use sigv4::{Check, Event, FrameError, Framing, Limits, Reader, Verified};

/// Small, so that tests and the fuzzer reach them.
pub(crate) const LIMITS: Limits =
    Limits { max_chunk: 1 << 20, max_line: 256, max_trailer_bytes: 512 };

/// What came out of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) data: Vec<u8>,
    pub(crate) chunks: Vec<u64>,
    pub(crate) digests: Vec<Option<[u8; 32]>>,
    pub(crate) trailers: Vec<(String, Bytes)>,
    pub(crate) verdict: Result<(), FrameError>,
}

pub(crate) fn check(chain: &Verified) -> Check {
    Check::Verify { key: Arc::clone(&chain.key), seed: chain.seed.clone() }
}

pub(crate) fn reader(framing: Framing, check: Check) -> Reader {
    Reader::new(framing, LIMITS, None, check)
}

/// Pushes the pieces one by one and takes all events after each, as a proxy does.
pub(crate) fn read<'a>(mut reader: Reader, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut outcome = Outcome {
        data: Vec::new(),
        chunks: Vec::new(),
        digests: Vec::new(),
        trailers: Vec::new(),
        verdict: Ok(()),
    };
    for piece in pieces {
        reader.push(Bytes::copy_from_slice(piece));
        if let Err(error) = drain(&mut reader, &mut outcome) {
            assert_eq!(reader.next(), Err(error.clone()), "a failed reader has recovered");
            assert_eq!(reader.finish(), Err(error.clone()), "a failed reader has finished");
            outcome.verdict = Err(error);
            return outcome;
        }
    }
    outcome.verdict = reader.finish();
    outcome
}

fn drain(reader: &mut Reader, outcome: &mut Outcome) -> Result<(), FrameError> {
    while let Some(event) = reader.next()? {
        match event {
            Event::Data(data) => outcome.data.extend_from_slice(&data),
            Event::ChunkEnd { size, digest } => {
                outcome.chunks.push(size);
                outcome.digests.push(digest);
            }
            Event::Trailer(name, value) => outcome.trailers.push((name, value)),
        }
    }
    Ok(())
}

/// The body in one piece.
pub(crate) fn read_whole(reader: Reader, body: &[u8]) -> Outcome {
    read(reader, [body])
}

/// The body in pieces whose lengths repeat `sizes`; a length of zero is an empty piece.
pub(crate) fn pieces<'a>(body: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = body;
    let mut pieces = Vec::new();
    for &size in sizes.iter().cycle() {
        if rest.is_empty() || sizes.iter().all(|size| *size == 0) {
            break;
        }
        let (piece, left) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = left;
    }
    pieces.push(rest);
    pieces
}
