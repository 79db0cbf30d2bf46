// SPDX-License-Identifier: Apache-2.0
//! One leg of a connection: TCP, plain or under TLS, of either side.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// A stream that still knows its socket, for resets.
pub(crate) enum Leg {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Leg {
    /// Takes the server's side; small answers must not wait for Nagle's algorithm.
    pub(crate) async fn accepted(
        socket: TcpStream,
        tls: Option<&Arc<rustls::ServerConfig>>,
    ) -> io::Result<Leg> {
        socket.set_nodelay(true)?;
        match tls {
            None => Ok(Leg::Plain(socket)),
            Some(config) => {
                let stream = TlsAcceptor::from(Arc::clone(config)).accept(socket).await?;
                Ok(Leg::Tls(Box::new(stream.into())))
            }
        }
    }

    /// Takes the client's side.
    pub(crate) async fn connected(
        socket: TcpStream,
        tls: Option<&Arc<rustls::ClientConfig>>,
    ) -> io::Result<Leg> {
        socket.set_nodelay(true)?;
        match tls {
            None => Ok(Leg::Plain(socket)),
            Some(config) => {
                let name = "localhost".try_into().map_err(io::Error::other)?;
                let connector = TlsConnector::from(Arc::clone(config));
                Ok(Leg::Tls(Box::new(connector.connect(name, socket).await?.into())))
            }
        }
    }

    /// Makes the coming drop a reset (RST) instead of an orderly end.
    pub(crate) fn reset_on_drop(&self) -> io::Result<()> {
        match self {
            Leg::Plain(socket) => socket.set_zero_linger(),
            Leg::Tls(stream) => stream.get_ref().0.set_zero_linger(),
        }
    }
}

impl AsyncRead for Leg {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Leg::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Leg::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Leg {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Leg::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Leg::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Leg::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Leg::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Leg::Plain(stream) => stream.is_write_vectored(),
            Leg::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Leg::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Leg::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Leg::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Leg::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
