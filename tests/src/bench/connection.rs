// SPDX-License-Identifier: Apache-2.0
//! A client's connection: HTTP/1.1, kept alive, over plain TCP or TLS, on the thread that uses it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::origin::find;
use super::request::Prepared;

/// Nothing here takes as long.
const PATIENCE: Duration = Duration::from_secs(30);
const READ_BYTES: usize = 128 * 1024;

/// Where a connection goes.
#[derive(Clone)]
pub(super) struct Peer {
    pub(super) addr: SocketAddr,
    /// What the client trusts; `None` is plain HTTP.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// An open connection.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    buffer: Box<[u8]>,
}

impl Connection {
    pub(super) fn open(peer: &Peer) -> anyhow::Result<Connection> {
        let tcp = TcpStream::connect(peer.addr)
            .with_context(|| format!("nobody answers at {}", peer.addr))?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        let stream: Box<dyn Stream> = match &peer.tls {
            None => Box::new(tcp),
            Some(config) => {
                let name = ServerName::try_from("localhost")?;
                let session = ClientConnection::new(Arc::clone(config), name)?;
                Box::new(StreamOwned::new(session, tcp))
            }
        };
        Ok(Connection { stream, buffer: vec![0; READ_BYTES].into() })
    }

    /// Sends a request and reads its answer to the end; it must be a 200 of the right length.
    pub(super) fn exchange(&mut self, request: &Prepared) -> anyhow::Result<()> {
        self.stream.write_all(&request.bytes).context("the request cannot be sent")?;
        self.stream.flush()?;
        let mut filled = 0;
        let end = loop {
            filled += self.read_at(filled).context("no answer")?;
            if let Some(end) = find(&self.buffer[..filled], b"\r\n\r\n") {
                break end;
            }
            ensure!(filled < READ_BYTES, "the head of the answer never ends");
        };
        self.check_head(end)?;
        let mut got = filled - end - 4;
        while got < request.answer_bytes {
            got += self.read_at(0).context("the answer breaks off")?;
        }
        ensure!(got == request.answer_bytes, "{got} bytes, not {}", request.answer_bytes);
        Ok(())
    }

    fn check_head(&self, end: usize) -> anyhow::Result<()> {
        let head = &self.buffer[..end];
        if !head.starts_with(b"HTTP/1.1 200 ") {
            bail!("answered: {}", String::from_utf8_lossy(head));
        }
        Ok(())
    }

    fn read_at(&mut self, at: usize) -> io::Result<usize> {
        match self.stream.read(&mut self.buffer[at..])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        }
    }
}
