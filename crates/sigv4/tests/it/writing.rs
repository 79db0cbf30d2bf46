// SPDX-License-Identifier: Apache-2.0
//! Frames bodies with the crate's own writers, and by hand where a client's habits differ.

use std::sync::Arc;

use bytes::Bytes;
use sigv4::{Verified, Writer};

use crate::example::example_chain;

/// The hash line of a request without a body.
pub(crate) const EMPTY_SHA256: &str =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(crate) type Trailers = Vec<(String, Bytes)>;

pub(crate) fn trailers(pairs: &[(&'static str, &'static str)]) -> Trailers {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Bytes::from_static(value.as_bytes())))
        .collect()
}

pub(crate) fn writer(chain: &Verified) -> Writer {
    Writer::new(Arc::clone(&chain.key), chain.seed.clone())
}

fn data_chunks(writer: &mut Writer, chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for chunk in chunks {
        body.extend_from_slice(&writer.header(&[Bytes::copy_from_slice(chunk)]));
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    body
}

/// Signed chunks; no chunk may be empty.
pub(crate) fn signed(chain: &Verified, chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = writer(chain);
    let mut body = data_chunks(&mut writer, chunks);
    body.extend_from_slice(&writer.last());
    body
}

/// The same with a signed trailer.
pub(crate) fn signed_trailer(
    chain: &Verified,
    chunks: &[Vec<u8>],
    trailers: &[(String, Bytes)],
) -> Vec<u8> {
    let mut writer = writer(chain);
    let mut body = data_chunks(&mut writer, chunks);
    body.extend_from_slice(&writer.last_before_trailer());
    body.extend_from_slice(&writer.trailer(trailers));
    body
}

/// A small body of each signed form, of the example's chain.
pub(crate) fn small_signed() -> Vec<u8> {
    signed(&example_chain(), &[b"one".to_vec(), b"two and three".to_vec()])
}

pub(crate) fn small_signed_trailer() -> Vec<u8> {
    let trailers = trailers(&[("x-amz-checksum-crc32c", "wdBDMA=="), ("x-amz-meta-a", "b c")]);
    signed_trailer(&example_chain(), &[b"one".to_vec(), b"two and three".to_vec()], &trailers)
}
