// SPDX-License-Identifier: Apache-2.0
//! HTTP/1.1 as bytes: heads as they came, and where a body ends (RFC 9112, section 6).

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

/// A head that is larger than this is a mistake of the test.
const HEAD_LIMIT: usize = 256 * 1024;
/// How long [`exchange`] waits for the next byte.
const SILENCE: Duration = Duration::from_secs(20);

/// A message's head: its exact bytes, and what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Everything up to and including the empty line.
    pub bytes: Vec<u8>,
    /// The method of a request; empty in a response.
    pub method: String,
    /// The target of a request, exactly; empty in a response.
    pub target: String,
    /// The status of a response; 0 in a request.
    pub status: u16,
    /// Name as written, and value, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// The first header of a name, in any case, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.values(name).first()?).ok()
    }

    /// All values of a name, in any case.
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        let wanted = |(one, _): &&(String, Vec<u8>)| one.eq_ignore_ascii_case(name);
        self.headers.iter().filter(wanted).map(|(_, value)| value.as_slice()).collect()
    }

    /// A request of this method to this target, without headers.
    pub(crate) fn request(method: &str, target: &str) -> Head {
        Head { method: method.to_owned(), target: target.to_owned(), ..Head::default() }
    }

    /// Puts one header in the place of all of this name; the bytes stay until [`Head::write_again`].
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
    }

    /// Takes all headers of a name away; the bytes stay until [`Head::write_again`].
    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(one, _)| !one.eq_ignore_ascii_case(name));
    }

    /// Makes a request's bytes say what its fields say.
    pub(crate) fn write_again(&mut self) {
        self.bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            self.bytes.extend_from_slice(name.as_bytes());
            self.bytes.extend_from_slice(b": ");
            self.bytes.extend_from_slice(value);
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.bytes.extend_from_slice(b"\r\n");
    }

    pub(crate) fn parse_request(bytes: &[u8]) -> io::Result<Option<Head>> {
        let mut headers = [httparse::EMPTY_HEADER; 256];
        let mut request = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(len) = request.parse(bytes).map_err(invalid)? else {
            return Ok(None);
        };
        Ok(Some(Head {
            bytes: bytes[..len].to_vec(),
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
            status: 0,
            headers: owned(request.headers),
        }))
    }

    pub(crate) fn parse_response(bytes: &[u8]) -> io::Result<Option<Head>> {
        let mut headers = [httparse::EMPTY_HEADER; 256];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(len) = response.parse(bytes).map_err(invalid)? else {
            return Ok(None);
        };
        Ok(Some(Head {
            bytes: bytes[..len].to_vec(),
            status: response.code.unwrap_or_default(),
            headers: owned(response.headers),
            ..Head::default()
        }))
    }

    fn is_chunked(&self) -> bool {
        let values = self.values("transfer-encoding");
        values.last().is_some_and(|last| last.to_ascii_lowercase().ends_with(b"chunked"))
    }

    fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    pub(crate) fn request_body(&self) -> BodyScan {
        match (self.is_chunked(), self.content_length()) {
            (true, _) => BodyScan::chunked(),
            (false, length) => BodyScan::length(length.unwrap_or(0)),
        }
    }

    pub(crate) fn response_body(&self, method: &str) -> BodyScan {
        if method == "HEAD" || matches!(self.status, 100..=199 | 204 | 304) {
            return BodyScan::length(0);
        }
        match (self.is_chunked(), self.content_length()) {
            (true, _) => BodyScan::chunked(),
            (false, Some(length)) => BodyScan::length(length),
            (false, None) => BodyScan(Scan::ToEnd),
        }
    }

    /// Whether more than 100 Continue is to come.
    pub(crate) fn is_informational(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }
}

fn owned(headers: &[httparse::Header<'_>]) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec())).collect()
}

fn invalid(error: httparse::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a head that is no HTTP/1.1: {error}"))
}

/// Finds a body's end in bytes that pass by, and which of them are data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BodyScan(Scan);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Scan {
    Data { left: u64 },
    ToEnd,
    ChunkSize { line: Vec<u8> },
    ChunkData { left: u64 },
    ChunkEnd { left: u8 },
    Trailer { line_bytes: usize },
    Done,
}

impl BodyScan {
    fn length(length: u64) -> BodyScan {
        BodyScan(if length == 0 { Scan::Done } else { Scan::Data { left: length } })
    }

    fn chunked() -> BodyScan {
        BodyScan(Scan::ChunkSize { line: Vec::new() })
    }

    pub(crate) fn is_done(&self) -> bool {
        self.0 == Scan::Done
    }

    /// Whether the end of the connection ends the body in order.
    pub(crate) fn ends_with_connection(&self) -> bool {
        matches!(self.0, Scan::ToEnd | Scan::Done)
    }

    /// How many of these bytes belong to the body; its data is appended to `data`.
    pub(crate) fn take(&mut self, bytes: &[u8], data: &mut Vec<u8>) -> io::Result<usize> {
        let mut at = 0;
        while at < bytes.len() && !self.is_done() {
            at += self.step(&bytes[at..], data)?;
        }
        Ok(at)
    }

    fn step(&mut self, bytes: &[u8], data: &mut Vec<u8>) -> io::Result<usize> {
        let byte = bytes[0];
        match &mut self.0 {
            Scan::Done => Ok(0),
            Scan::ToEnd => {
                data.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            Scan::Data { left } | Scan::ChunkData { left } => {
                let len = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                data.extend_from_slice(&bytes[..len]);
                *left -= len as u64;
                if *left == 0 {
                    self.0 = match self.0 {
                        Scan::Data { .. } => Scan::Done,
                        _ => Scan::ChunkEnd { left: 2 },
                    };
                }
                Ok(len)
            }
            Scan::ChunkSize { line } => {
                line.push(byte);
                if byte == b'\n' {
                    self.0 = chunk_of(line)?;
                }
                Ok(1)
            }
            Scan::ChunkEnd { left } => {
                *left -= 1;
                if *left == 0 {
                    self.0 = Scan::ChunkSize { line: Vec::new() };
                }
                Ok(1)
            }
            Scan::Trailer { line_bytes } => {
                match byte {
                    b'\n' if *line_bytes == 0 => self.0 = Scan::Done,
                    b'\n' => *line_bytes = 0,
                    b'\r' => {}
                    _ => *line_bytes += 1,
                }
                Ok(1)
            }
        }
    }
}

fn chunk_of(line: &[u8]) -> io::Result<Scan> {
    let text = String::from_utf8_lossy(line);
    let digits = text.split([';', '\r', '\n']).next().unwrap_or_default().trim();
    let size = u64::from_str_radix(digits, 16).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidData, format!("a chunk of no size: {text:?}"))
    })?;
    Ok(match size {
        0 => Scan::Trailer { line_bytes: 0 },
        left => Scan::ChunkData { left },
    })
}

/// A connection's readable side with what was read too far.
pub(crate) struct Wire<R> {
    pub(crate) stream: R,
    pub(crate) buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Wire<R> {
    pub(crate) fn new(stream: R) -> Wire<R> {
        Wire { stream, buffer: Vec::new() }
    }

    /// The next head, or `None` where the peer ended the connection between messages.
    pub(crate) async fn read_head(
        &mut self,
        parse: fn(&[u8]) -> io::Result<Option<Head>>,
    ) -> io::Result<Option<Head>> {
        loop {
            if let Some(head) = parse(&self.buffer)? {
                self.buffer.drain(..head.bytes.len());
                return Ok(Some(head));
            }
            if self.buffer.len() > HEAD_LIMIT {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a head without an end"));
            }
            if self.fill().await? == 0 {
                let between = self.buffer.is_empty();
                return if between { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// Reads more; 0 is the end.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(64 * 1024);
        self.stream.read_buf(&mut self.buffer).await
    }
}

/// A response as a raw client reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawResponse {
    /// Heads of 1xx answers that came before.
    pub informational: Vec<Head>,
    /// The final head.
    pub head: Head,
    /// The body, without chunk framing.
    pub body: Vec<u8>,
    /// Whether the body ended as its head said, and not with the connection.
    pub complete: bool,
}

impl RawResponse {
    /// The body as text, as far as it is text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends bytes as they are over a plain connection and reads one response.
///
/// A peer that answers and closes before it has read everything is heard all the same.
pub fn exchange(to: SocketAddr, request: &[u8]) -> io::Result<RawResponse> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    let method = request.split(|byte| *byte == b' ').next().unwrap_or_default();
    let sent = stream.write_all(request);
    let response = read_response(&mut stream, &String::from_utf8_lossy(method));
    response.or_else(|error| sent.and(Err(error)))
}

/// Reads one response to a request of this method, 1xx answers included.
pub fn read_response(stream: &mut impl Read, method: &str) -> io::Result<RawResponse> {
    let mut response = RawResponse::default();
    let mut buffer = Vec::new();
    let mut block = vec![0; 64 * 1024];
    let head = loop {
        if let Some(head) = Head::parse_response(&buffer)? {
            buffer.drain(..head.bytes.len());
            if !head.is_informational() {
                break head;
            }
            response.informational.push(head);
            continue;
        }
        match stream.read(&mut block)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            len => buffer.extend_from_slice(&block[..len]),
        }
    };
    let mut scan = head.response_body(method);
    response.head = head;
    scan.take(&buffer, &mut response.body)?;
    while !scan.is_done() {
        match stream.read(&mut block) {
            Ok(0) | Err(_) => break,
            Ok(len) => drop(scan.take(&block[..len], &mut response.body)?),
        }
    }
    response.complete = scan.ends_with_connection();
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(mut scan: BodyScan, wire: &[u8], piece: usize) -> (Vec<u8>, usize, bool) {
        let (mut data, mut taken) = (Vec::new(), 0);
        for bytes in wire.chunks(piece) {
            taken += scan.take(bytes, &mut data).unwrap();
        }
        (data, taken, scan.is_done())
    }

    #[test]
    fn a_chunked_body_ends_behind_its_trailers_however_it_is_cut() {
        let wire = b"5;ext=1\r\nhello\r\nA\r\n0123456789\r\n0\r\nx-a: 1\r\n\r\nGET / HTTP/1.1";
        let len = wire.len() - b"GET / HTTP/1.1".len();
        for piece in 1..wire.len() {
            let (data, taken, done) = scanned(BodyScan::chunked(), wire, piece);
            assert_eq!((data.as_slice(), done), (b"hello0123456789".as_slice(), true), "{piece}");
            assert_eq!(taken, len, "{piece}");
        }
    }

    #[test]
    fn a_chunk_size_of_garbage_is_an_error() {
        let mut data = Vec::new();
        assert!(BodyScan::chunked().take(b"xyz\r\n", &mut data).is_err());
    }

    #[test]
    fn a_response_without_a_body_ends_with_its_head() {
        let head = |text: &str| Head::parse_response(text.as_bytes()).unwrap().unwrap();
        let long = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
        assert!(head(long).response_body("HEAD").is_done());
        assert!(!head(long).response_body("GET").is_done());
        assert!(head("HTTP/1.1 304 Not Modified\r\n\r\n").response_body("GET").is_done());
        let open = head("HTTP/1.1 200 OK\r\n\r\n").response_body("GET");
        assert!(!open.is_done() && open.ends_with_connection());
    }
}
