// SPDX-License-Identifier: Apache-2.0
//! The origin: answers as fast as it can, and keeps nothing. It is no S3 server, it only has the
//! sizes and shapes of one, so that what a run measures is the way to it.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context;
use bytes::{Buf, BytesMut};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::args::OriginArgs;
use super::request::{LARGE, LARGE_BYTES, SMALL, SMALL_BYTES, SMALL_SPLIT};

/// More than any head of ours.
const HEAD_LIMIT: usize = 16 * 1024;
const READ_BYTES: usize = 128 * 1024;

/// Serves until it is killed.
pub(super) fn serve(args: &OriginArgs) -> anyhow::Result<()> {
    let acceptor = TlsAcceptor::from(tls(args)?);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for the origin")?;
        let port = listener.local_addr()?.port();
        let beside = args.port_file.with_extension("part");
        std::fs::write(&beside, port.to_string())?;
        std::fs::rename(&beside, &args.port_file)?;
        accept(listener, acceptor).await
    })
}

fn tls(args: &OriginArgs) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let certificate = CertificateDer::from_pem_file(&args.certificate)
        .with_context(|| format!("the certificate {}", args.certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(&args.key)
        .with_context(|| format!("the key {}", args.key.display()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor) -> anyhow::Result<()> {
    let large: Arc<[u8]> = vec![b'.'; LARGE_BYTES].into();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (acceptor, large) = (acceptor.clone(), Arc::clone(&large));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let buffer = BytesMut::with_capacity(READ_BYTES);
            // A client that goes away ends its connection, and nothing else.
            Side { stream, buffer, large }.answer_all().await.ok();
        });
    }
}

struct Side {
    stream: TlsStream<TcpStream>,
    buffer: BytesMut,
    large: Arc<[u8]>,
}

/// What a request asks for.
struct Asked {
    shape: Shape,
    body_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A head that tells of this many bytes, which do not follow.
    Head(usize),
    /// Head and body in one piece.
    Together(usize),
    /// The body in a segment after the head's.
    Split(usize),
    /// No body.
    Empty,
    Unknown,
}

impl Side {
    async fn answer_all(mut self) -> io::Result<()> {
        while let Some(asked) = self.read_head().await? {
            self.drop_body(asked.body_bytes).await?;
            self.answer(asked.shape).await?;
        }
        Ok(())
    }

    /// `None` at the end of the connection.
    async fn read_head(&mut self) -> io::Result<Option<Asked>> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let asked = asked(&self.buffer[..end])?;
                self.buffer.advance(end + 4);
                return Ok(Some(asked));
            }
            if self.buffer.len() > HEAD_LIMIT {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn drop_body(&mut self, mut left: usize) -> io::Result<()> {
        loop {
            let here = left.min(self.buffer.len());
            self.buffer.advance(here);
            left -= here;
            if left == 0 {
                return Ok(());
            }
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(READ_BYTES);
        self.stream.read_buf(&mut self.buffer).await
    }

    async fn answer(&mut self, shape: Shape) -> io::Result<()> {
        match shape {
            Shape::Head(bytes) => self.send(head("200 OK", bytes).as_bytes()).await,
            Shape::Together(bytes) if bytes <= SMALL_BYTES => {
                let mut answer = head("200 OK", bytes).into_bytes();
                answer.extend_from_slice(&self.large[..bytes]);
                self.send(&answer).await
            }
            Shape::Together(bytes) | Shape::Split(bytes) => {
                self.send(head("200 OK", bytes).as_bytes()).await?;
                let body = Arc::clone(&self.large);
                self.send(&body[..bytes]).await
            }
            Shape::Empty => self.send(head("200 OK", 0).as_bytes()).await,
            Shape::Unknown => self.send(head("404 Not Found", 0).as_bytes()).await,
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }
}

/// As an S3 server's.
fn head(status: &str, bytes: usize) -> String {
    let date = httpdate::fmt_http_date(SystemTime::now());
    format!(
        "HTTP/1.1 {status}\r\nx-amz-id-2: Uuag1LuByRx9e6j5Onimru9pO4ZVKnJ2Qz7/C1NPcfTWAtRPfTaOFg==\r\n\
         x-amz-request-id: 656C76696E6727732072657175657374\r\nDate: {date}\r\n\
         Last-Modified: Sun, 1 Jan 2006 12:00:00 GMT\r\nETag: \"fba9dede5f27731c9771645a39863328\"\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {bytes}\r\nServer: origin\r\n\r\n"
    )
}

fn asked(head: &[u8]) -> io::Result<Asked> {
    let text = std::str::from_utf8(head).map_err(io::Error::other)?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let shape = match (method, target) {
        ("HEAD", SMALL) => Shape::Head(SMALL_BYTES),
        ("GET", SMALL) => Shape::Together(SMALL_BYTES),
        ("GET", SMALL_SPLIT) => Shape::Split(SMALL_BYTES),
        ("GET", LARGE) => Shape::Together(LARGE_BYTES),
        ("PUT", LARGE) => Shape::Empty,
        _ => Shape::Unknown,
    };
    let mut headers = lines.filter_map(|line| line.split_once(':'));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.map_or(Ok(0), |(_, value)| value.trim().parse());
    Ok(Asked { shape, body_bytes: length.map_err(io::Error::other)? })
}

/// Where `wanted` begins.
pub(super) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_shape_and_length() {
        let put = asked(format!("PUT {LARGE} HTTP/1.1\r\nhost: h\r\ncontent-Length: 7").as_bytes());
        let put = put.unwrap();
        assert_eq!((put.shape, put.body_bytes), (Shape::Empty, 7));
        let get = asked(format!("GET {SMALL_SPLIT} HTTP/1.1\r\nhost: h").as_bytes()).unwrap();
        assert_eq!((get.shape, get.body_bytes), (Shape::Split(SMALL_BYTES), 0));
        assert_eq!(asked(b"GET /other HTTP/1.1").unwrap().shape, Shape::Unknown);
        assert!(asked(b"PUT / HTTP/1.1\r\ncontent-length: many").is_err());
    }
}
