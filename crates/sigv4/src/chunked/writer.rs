// SPDX-License-Identifier: Apache-2.0
//! Writes signed frames. Data is hashed in place and goes out between what this returns.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256, digest};
use bytes::Bytes;

use super::chain::Chain;
use crate::key::SigningKey;
use crate::sign::Seed;

/// `;chunk-signature=` and 64 digits.
const SIGNATURE_BYTES: u64 = 17 + 64;
const LINE_END: u64 = 2;
/// `x-amz-trailer-signature:` and 64 digits.
const TRAILER_SIGNATURE_BYTES: u64 = 24 + 64;

/// Signs one body, chunk by chunk.
#[derive(Debug)]
pub struct Writer {
    chain: Chain,
}

impl Writer {
    /// `seed` is the signature of the request that carries the body.
    #[must_use]
    pub fn new(key: Arc<SigningKey>, seed: Seed) -> Self {
        Self { chain: Chain::new(key, seed) }
    }

    /// The line before a chunk; data and CRLF follow it.
    pub fn header(&mut self, data: &[Bytes]) -> Bytes {
        let mut hash = Context::new(&SHA256);
        let mut size = 0;
        for slice in data {
            hash.update(slice);
            size += slice.len() as u64;
        }
        self.line(size, hash.finish().as_ref())
    }

    /// The same for a chunk whose SHA-256 is known.
    pub fn header_for_digest(&mut self, size: u64, digest: &[u8; 32]) -> Bytes {
        self.line(size, digest)
    }

    /// The last chunk and the end of a body without a trailer.
    pub fn last(&mut self) -> Bytes {
        let mut bytes = self.last_before_trailer().to_vec();
        bytes.extend_from_slice(b"\r\n");
        bytes.into()
    }

    /// The last chunk of a body whose trailer follows.
    pub fn last_before_trailer(&mut self) -> Bytes {
        self.line(0, digest(&SHA256, b"").as_ref())
    }

    /// The trailer, its signature and the end. Names are lower case.
    pub fn trailer(&mut self, trailers: &[(String, Bytes)]) -> Bytes {
        let mut bytes = Vec::new();
        for (name, value) in trailers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(b':');
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        let signature = self.chain.trailer(trailers);
        bytes.extend_from_slice(
            format!("x-amz-trailer-signature:{}\r\n\r\n", signature.as_str()).as_bytes(),
        );
        bytes.into()
    }

    fn line(&mut self, size: u64, digest: &[u8]) -> Bytes {
        let signature = self.chain.chunk(digest);
        format!("{size:x};chunk-signature={}\r\n", signature.as_str()).into()
    }
}

/// The wire length of `decoded` bytes in signed chunks of `chunk` bytes, without a trailer.
#[must_use]
pub fn encoded_length_signed(decoded: u64, chunk: u64) -> u64 {
    chunks_length(decoded, chunk, SIGNATURE_BYTES) + 1 + SIGNATURE_BYTES + 2 * LINE_END
}

/// The same with a signed trailer; `trailers` are (name, value) lengths.
#[must_use]
pub fn encoded_length_signed_trailer(decoded: u64, chunk: u64, trailers: &[(usize, usize)]) -> u64 {
    chunks_length(decoded, chunk, SIGNATURE_BYTES)
        + 1
        + SIGNATURE_BYTES
        + LINE_END
        + trailers_length(trailers)
        + TRAILER_SIGNATURE_BYTES
        + 2 * LINE_END
}

/// All chunks but the last, empty one; `extension` is what follows each size.
pub(crate) fn chunks_length(decoded: u64, chunk: u64, extension: u64) -> u64 {
    let one = |size: u64| hex_digits(size) + extension + LINE_END + size + LINE_END;
    let rest = decoded % chunk;
    decoded / chunk * one(chunk) + if rest > 0 { one(rest) } else { 0 }
}

pub(crate) fn trailers_length(trailers: &[(usize, usize)]) -> u64 {
    trailers.iter().map(|(name, value)| (name + 1 + value) as u64 + LINE_END).sum()
}

fn hex_digits(value: u64) -> u64 {
    u64::from(value.max(1).ilog2() / 4 + 1)
}
