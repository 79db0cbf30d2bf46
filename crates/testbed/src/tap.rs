// SPDX-License-Identifier: Apache-2.0
//! Bodies that are watched as they pass: counted, checked for their end, or split from their head.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// The last chunk's line of a signed stream, with and without the empty line behind it.
const TAIL_BYTES: usize = 128;
/// How long a refused request's body is still read, so that its sender can read the refusal.
const LINGER: Duration = Duration::from_secs(10);

/// What is known of a request's body so far; shared with whoever stores it.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    bytes: AtomicU64,
    tail: Mutex<Vec<u8>>,
}

impl Watch {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the wire bytes end in the empty last chunk of a signed stream.
    pub(crate) fn ends_in_last_chunk(&self) -> bool {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&tail);
        let text = text.trim_end_matches("\r\n");
        text.rsplit("\r\n").next().is_some_and(|line| line.starts_with("0;chunk-signature="))
    }

    fn saw(&self, data: &[u8]) {
        self.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = &data[data.len().saturating_sub(TAIL_BYTES)..];
        let surplus = (tail.len() + fresh.len()).saturating_sub(TAIL_BYTES);
        tail.drain(..surplus);
        tail.extend_from_slice(fresh);
    }
}

/// What becomes of a body that its reader leaves unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is read away, within bounds, so that a refusal arrives as an answer and not as a reset.
    ReadAway,
    /// It is never asked for: its sender waits for 100 Continue.
    Leave,
}

/// A request's body.
pub(crate) struct RequestTap {
    body: Option<Incoming>,
    watch: Arc<Watch>,
    unread: Unread,
}

impl RequestTap {
    pub(crate) fn new(body: Incoming, watch: Arc<Watch>, unread: Unread) -> RequestTap {
        RequestTap { body: Some(body), watch, unread }
    }
}

impl Body for RequestTap {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    this.watch.saw(data);
                }
            }
            Poll::Ready(_) => this.body = None,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for RequestTap {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take().filter(|body| !body.is_end_stream()) else { return };
        if self.unread == Unread::Leave {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(tokio::time::timeout(LINGER, async move {
            while let Some(Ok(_)) = body.frame().await {}
        }));
    }
}

/// A response's body: counts its bytes, and may hold them back until the head has left.
pub(crate) struct ResponseTap<B> {
    body: B,
    sent_bytes: Arc<AtomicU64>,
    hold: Hold,
}

/// Whether the first poll of a body lets the head go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Head and body may leave in one segment.
    None,
    /// hyper flushes the head as soon as a body has nothing to give.
    UntilHeadLeft,
}

impl<B> ResponseTap<B> {
    pub(crate) fn new(body: B, sent_bytes: Arc<AtomicU64>, hold: Hold) -> ResponseTap<B> {
        ResponseTap { body, sent_bytes, hold }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for ResponseTap<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        if this.hold == Hold::UntilHeadLeft {
            this.hold = Hold::None;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            this.sent_bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_chunk_is_known_by_its_line_whatever_the_line_end_habit() {
        let sig = "a".repeat(64);
        let data = "x".repeat(500);
        for (end, right) in [
            (format!("\r\n0;chunk-signature={sig}\r\n\r\n"), true),
            (format!("\r\n0;chunk-signature={sig}\r\n"), true),
            (format!("\r\n10;chunk-signature={sig}\r\n0123456789abcdef\r\n"), false),
            ("\r\n".to_owned(), false),
        ] {
            let watch = Watch::default();
            watch.saw(data.as_bytes());
            end.as_bytes().chunks(7).for_each(|piece| watch.saw(piece));
            assert_eq!(watch.ends_in_last_chunk(), right, "{end:?}");
            assert_eq!(watch.bytes(), (data.len() + end.len()) as u64);
        }
    }
}
