// SPDX-License-Identifier: Apache-2.0
//! Opens the machine that a plan asks for, once the outgoing head is signed.

use std::sync::Arc;

use sigv4::{Check, Framing, Limits, Reader, Seed, SigningKey, UnsignedWriter, Writer};

use crate::body::{CHUNK, CallerChain, Plan, Resigner, Stage, Trust};

/// The bounds of callers' frames. MinIO's: 16 MiB a chunk, 4 KiB a line.
const LIMITS: Limits =
    Limits { max_chunk: 16 * 1024 * 1024, max_line: 4096, max_trailer_bytes: 8192 };

/// `key` and `seed` are those of the outgoing head, `caller` those of the incoming one.
pub(crate) fn open(plan: &Plan, caller: &CallerChain, key: Arc<SigningKey>, seed: Seed) -> Stage {
    match plan {
        Plan::Plain { .. } | Plan::Verbatim { .. } => verbatim(plan),
        Plan::Decode { .. } => decoded(plan, caller),
        Plan::Reframe { decoded, .. } => Stage::Reframe(
            reader(Framing::SignedTrailer, *decoded, caller.check()),
            UnsignedWriter::new(*decoded, CHUNK),
        ),
        Plan::Resign { decoded, trailers } => {
            let framing = match trailers.is_empty() {
                true => Framing::Signed,
                false => Framing::SignedTrailer,
            };
            Stage::Resign(
                reader(framing, *decoded, caller.check()),
                Resigner::new(Writer::new(key, seed)),
            )
        }
    }
}

/// Passes a body as it comes, its frames checked if it has any.
pub(crate) fn verbatim(plan: &Plan) -> Stage {
    match plan {
        Plan::Verbatim { decoded, .. } => {
            Stage::Verbatim(reader(Framing::UnsignedTrailer, *decoded, Check::Skip))
        }
        _ => Stage::Plain,
    }
}

/// Takes the frames off, whatever the plan would do with a streaming body. Signatures are checked.
pub(crate) fn decoded(plan: &Plan, caller: &CallerChain) -> Stage {
    let (framing, decoded, trust) = match plan {
        Plan::Plain { .. } => return Stage::Plain,
        Plan::Verbatim { decoded, .. } => (Framing::UnsignedTrailer, *decoded, Trust::SignedDigest),
        Plan::Decode { decoded, trust } => (Framing::Signed, *decoded, *trust),
        Plan::Reframe { decoded, .. } => (Framing::SignedTrailer, *decoded, Trust::ChunkSignatures),
        Plan::Resign { decoded, trailers } if trailers.is_empty() => {
            (Framing::Signed, *decoded, Trust::ChunkSignatures)
        }
        Plan::Resign { decoded, .. } => (Framing::SignedTrailer, *decoded, Trust::ChunkSignatures),
    };
    let check = match trust {
        Trust::ChunkSignatures => caller.check(),
        Trust::SignedDigest => Check::Skip,
    };
    Stage::Decode(reader(framing, decoded, check))
}

fn reader(framing: Framing, decoded: u64, check: Check) -> Reader {
    Reader::new(framing, LIMITS, Some(decoded), check)
}

impl CallerChain {
    fn check(&self) -> Check {
        Check::Verify { key: Arc::clone(&self.key), seed: self.seed.clone() }
    }
}
