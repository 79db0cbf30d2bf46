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

#[cfg(test)]
mod tests {
    use testbed::{Ca, wait_until};

    use super::*;
    use crate::bench::args::OriginArgs;
    use crate::bench::origin;
    use crate::bench::request::{Ask, Caller};

    /// An origin on a thread that ends with the tests.
    fn origin(ca: &Ca, folder: &std::path::Path) -> SocketAddr {
        let (certificate, key) = ca.server_files(folder).unwrap();
        let port_file = folder.join("port");
        let args = OriginArgs { certificate, key, port_file: port_file.clone() };
        std::thread::spawn(move || origin::serve(&args));
        wait_until(PATIENCE, "the origin listens", || port_file.exists()).unwrap();
        let port: u16 = std::fs::read_to_string(&port_file).unwrap().parse().unwrap();
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn one_connection_carries_every_request_and_checks_every_answer() {
        let (ca, folder) = (Ca::new().unwrap(), tempfile::tempdir().unwrap());
        let addr = origin(&ca, folder.path());
        let peer = Peer { addr, tls: Some(ca.client_config().unwrap()) };
        let mut connection = Connection::open(&peer).unwrap();
        let caller = Caller { id: "id".to_owned(), secret: "secret".to_owned() };
        let asks = [
            Ask::HeadSmall,
            Ask::GetSmall,
            Ask::GetSmallSplit,
            Ask::GetLarge,
            Ask::PutLarge,
            Ask::GetSmall,
        ];
        for ask in asks {
            let request = ask.prepare(addr, &caller).unwrap();
            connection.exchange(&request).unwrap_or_else(|error| panic!("{ask:?}: {error:#}"));
        }
        let right = Ask::GetSmall.prepare(addr, &caller).unwrap();
        let longer = Prepared { answer_bytes: 1023, ..right };
        assert!(connection.exchange(&longer).is_err());
    }

    #[test]
    fn an_answer_that_is_no_success_is_an_error_that_shows_it() {
        let (ca, folder) = (Ca::new().unwrap(), tempfile::tempdir().unwrap());
        let addr = origin(&ca, folder.path());
        let peer = Peer { addr, tls: Some(ca.client_config().unwrap()) };
        let bytes: &[u8] = b"GET /other HTTP/1.1\r\nhost: h\r\n\r\n";
        let other = Prepared { bytes: bytes.into(), answer_bytes: 0 };
        let error = Connection::open(&peer).unwrap().exchange(&other).unwrap_err();
        assert!(error.to_string().contains("404 Not Found"), "{error:#}");
    }
}
