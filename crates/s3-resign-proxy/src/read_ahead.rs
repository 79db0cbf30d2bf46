// SPDX-License-Identifier: Apache-2.0
//! Reads ahead below TLS. rustls asks the socket for 4 KiB at a time, four system calls for each
//! record; one larger read costs a copy and saves most of them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Four TLS records.
const AHEAD: usize = 64 * 1024;

/// A socket that is read in large pieces.
pub(crate) struct ReadAhead {
    stream: TokioIo<TcpStream>,
    buffer: Box<[u8]>,
    begin: usize,
    end: usize,
}

impl ReadAhead {
    pub(crate) fn new(stream: TokioIo<TcpStream>) -> Self {
        Self { stream, buffer: vec![0; AHEAD].into_boxed_slice(), begin: 0, end: 0 }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut buffer = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer.unfilled()))?;
        (self.begin, self.end) = (0, buffer.filled().len());
        Poll::Ready(Ok(()))
    }
}

impl Read for ReadAhead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.begin == self.end {
            if to.remaining() >= AHEAD {
                return Pin::new(&mut self.stream).poll_read(cx, to);
            }
            ready!(self.poll_fill(cx))?;
        }
        let taken = to.remaining().min(self.end - self.begin);
        to.put_slice(&self.buffer[self.begin..self.begin + taken]);
        self.begin += taken;
        Poll::Ready(Ok(()))
    }
}

impl Write for ReadAhead {
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

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}

impl Connection for ReadAhead {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}
