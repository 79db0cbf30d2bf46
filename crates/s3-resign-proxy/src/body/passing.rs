// SPDX-License-Identifier: Apache-2.0
//! The store's body on its way to the caller: counted, and cut when the store falls silent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::BoxError;
use crate::traffic::Traffic;

/// A response body that passes through.
pub(crate) struct Passing<G> {
    inbound: Incoming,
    /// The first slice, where it was awaited before the head was passed on.
    first: Option<Bytes>,
    traffic: Arc<Traffic>,
    limit: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    /// Held as long as the answer is under way.
    _guard: G,
}

impl<G> Passing<G> {
    pub(crate) fn new(
        inbound: Incoming,
        first: Option<Bytes>,
        traffic: Arc<Traffic>,
        limit: Duration,
        guard: G,
    ) -> Self {
        Self { inbound, first, traffic, limit, silence: None, _guard: guard }
    }

    /// Starts the clock at the first wait, so that a slow caller is not the store's fault.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let sleep = self.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        sleep.as_mut().poll(cx)
    }
}

impl<G: Unpin> Body for Passing<G> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(first) = self.first.take() {
            self.traffic.add_received(first.len());
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.inbound).poll_frame(cx) else {
            if self.poll_silence(cx).is_ready() {
                return Poll::Ready(Some(Err(
                    "the store fell silent in the middle of its answer".into()
                )));
            }
            return Poll::Pending;
        };
        self.silence = None;
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.traffic.add_received(data.len());
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.inbound.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, Bytes::len) as u64;
        match self.inbound.size_hint().exact() {
            Some(rest) => SizeHint::with_exact(first + rest),
            None => SizeHint::default(),
        }
    }
}
