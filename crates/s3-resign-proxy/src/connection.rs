// SPDX-License-Identifier: Apache-2.0
//! One caller's connection: a head must arrive in time, an idle connection may wait.
//!
//! hyper's own head timer also runs while a kept-alive connection is idle; cutting those would race
//! with a caller's next request. So the clock here starts at a head's first byte.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// The requests on one connection. Shared between the socket and the requests on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// One request, as long as its answer is under way.
#[derive(Debug)]
pub(crate) struct RequestGuard(Requests);

impl Requests {
    pub(crate) fn begin(&self) -> RequestGuard {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        RequestGuard(self.clone())
    }

    fn begun(&self) -> u64 {
        self.0.begun.load(Ordering::Relaxed)
    }

    fn are_under_way(&self) -> bool {
        self.begun() != self.0.ended.load(Ordering::Relaxed)
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// A socket that gives up on a head that does not end.
pub(crate) struct Watched {
    stream: TcpStream,
    requests: Requests,
    limit: Duration,
    /// The clock of a head that has begun, and how many requests had begun before it.
    head: Option<(Pin<Box<Sleep>>, u64)>,
}

impl Watched {
    pub(crate) fn new(stream: TcpStream, requests: Requests, limit: Duration) -> Self {
        Self { stream, requests, limit, head: None }
    }

    fn poll_head_clock(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        match &mut self.head {
            Some((clock, _)) => clock.as_mut().poll(cx).map(|()| {
                io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the caller's request head did not end in time",
                )
            }),
            None => Poll::Pending,
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let begun = self.requests.begun();
        if self.head.as_ref().is_some_and(|(_, before)| *before != begun) {
            self.head = None;
        }
        if self.requests.are_under_way() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(result) => {
                if self.head.is_none() && buf.filled().len() > before {
                    self.head = Some((Box::pin(tokio::time::sleep(self.limit)), begun));
                }
                Poll::Ready(result)
            }
            Poll::Pending => self.poll_head_clock(cx).map(Err),
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
