// SPDX-License-Identifier: Apache-2.0
//! Writes unsigned frames of one size over a body of known length, without copying data.

use bytes::Bytes;

use super::writer::{chunks_length, trailers_length};

/// Frames a body of `total` bytes.
#[derive(Debug)]
pub struct UnsignedWriter {
    unframed: u64,
    chunk: u64,
    left_in_chunk: u64,
}

impl UnsignedWriter {
    /// `total` and `chunk` are bytes; a chunk is at least 1.
    #[must_use]
    pub fn new(total: u64, chunk: u64) -> Self {
        Self { unframed: total, chunk: chunk.max(1), left_in_chunk: 0 }
    }

    /// The wire length; `trailers` are (name, value) lengths.
    #[must_use]
    pub fn encoded_length(total: u64, chunk: u64, trailers: &[(usize, usize)]) -> u64 {
        chunks_length(total, chunk.max(1), 0) + 3 + trailers_length(trailers) + 2
    }

    /// The frames' lines around a slice of data. Data beyond the total is left out: the lengths were
    /// announced.
    pub fn frame(&mut self, mut data: Bytes) -> Vec<Bytes> {
        let mut out = Vec::with_capacity(4);
        while !data.is_empty() && (self.left_in_chunk > 0 || self.unframed > 0) {
            if self.left_in_chunk == 0 {
                self.left_in_chunk = self.unframed.min(self.chunk);
                self.unframed -= self.left_in_chunk;
                out.push(format!("{:x}\r\n", self.left_in_chunk).into());
            }
            let most = usize::try_from(self.left_in_chunk).unwrap_or(usize::MAX).min(data.len());
            let part = data.split_to(most);
            self.left_in_chunk -= part.len() as u64;
            out.push(part);
            if self.left_in_chunk == 0 {
                out.push(Bytes::from_static(b"\r\n"));
            }
        }
        out
    }

    /// The last chunk, the trailer and the end.
    #[must_use]
    pub fn finish(&self, trailers: &[(String, Bytes)]) -> Bytes {
        let mut bytes = b"0\r\n".to_vec();
        for (name, value) in trailers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(b':');
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.into()
    }
}
