// SPDX-License-Identifier: Apache-2.0
//! Signs a body's chunks again, in frames of 64 KiB, without copying data.
//!
//! Frames have one fixed size, so that the length upstream is known before the body is read and
//! memory is one chunk however large the caller's chunks are. Where the caller's chunk is our frame
//! (minio-go), its digest is the one that was just computed to check it.

use std::collections::VecDeque;

use bytes::Bytes;
use sigv4::Writer;

use super::CHUNK;

/// A chunk in the making, and the chain that signs it.
pub(crate) struct Resigner {
    writer: Writer,
    pending: Vec<Bytes>,
    pending_bytes: u64,
}

impl Resigner {
    pub(crate) fn new(writer: Writer) -> Self {
        Self { writer, pending: Vec::new(), pending_bytes: 0 }
    }

    /// Takes decoded bytes; a frame that is full goes out when the next byte proves that it is no caller's chunk end.
    pub(crate) fn data(&mut self, mut data: Bytes, out: &mut VecDeque<Bytes>) {
        while !data.is_empty() {
            if self.pending_bytes == CHUNK {
                self.flush(None, out);
            }
            let room = usize::try_from(CHUNK - self.pending_bytes).unwrap_or(usize::MAX);
            let part = data.split_to(room.min(data.len()));
            self.pending_bytes += part.len() as u64;
            self.pending.push(part);
        }
    }

    /// The caller's chunk ended: if it fills our frame alone, its digest serves again.
    pub(crate) fn chunk_end(
        &mut self,
        size: u64,
        digest: Option<[u8; 32]>,
        out: &mut VecDeque<Bytes>,
    ) {
        if self.pending_bytes == CHUNK {
            let digest = if size == CHUNK { digest } else { None };
            self.flush(digest, out);
        }
    }

    /// The rest, the empty chunk and the trailers.
    pub(crate) fn finish(&mut self, trailers: &[(String, Bytes)], out: &mut VecDeque<Bytes>) {
        if self.pending_bytes > 0 {
            self.flush(None, out);
        }
        if trailers.is_empty() {
            out.push_back(self.writer.last());
        } else {
            out.push_back(self.writer.last_before_trailer());
            out.push_back(self.writer.trailer(trailers));
        }
    }

    fn flush(&mut self, digest: Option<[u8; 32]>, out: &mut VecDeque<Bytes>) {
        let header = match digest {
            Some(digest) => self.writer.header_for_digest(self.pending_bytes, &digest),
            None => self.writer.header(&self.pending),
        };
        out.push_back(header);
        out.extend(self.pending.drain(..));
        out.push_back(Bytes::from_static(b"\r\n"));
        self.pending_bytes = 0;
    }
}
