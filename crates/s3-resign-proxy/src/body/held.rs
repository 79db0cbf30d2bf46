// SPDX-License-Identifier: Apache-2.0
//! A body that is held in memory, counted when it is really taken.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{BoxError, Watch};

/// Sent in one piece.
pub(crate) struct Held {
    bytes: Bytes,
    watch: Watch,
}

impl Held {
    pub(crate) fn new(bytes: Bytes, watch: Watch) -> Self {
        Self { bytes, watch }
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes.is_empty() {
            return Poll::Ready(None);
        }
        self.watch.activity.touch();
        self.watch.traffic.add_sent_raw(bytes.len());
        self.watch.traffic.add_sent_payload(bytes.len());
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
