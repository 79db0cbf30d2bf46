// SPDX-License-Identifier: Apache-2.0
//! A small signing client over raw bytes, written from AWS's pages and apart from all other code:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use jiff::{SignedDuration, Timestamp};
use testbed::{Ca, Issued, RawResponse, StaticPair, read_response};

pub(crate) const REGION: &str = "ap-southeast-2";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

impl From<&Issued> for Keys {
    fn from(issued: &Issued) -> Keys {
        let (id, secret) = (issued.access_key_id.clone(), issued.secret.clone());
        Keys { id, secret, token: Some(issued.session_token.clone()) }
    }
}

impl From<&StaticPair> for Keys {
    fn from(pair: &StaticPair) -> Keys {
        Keys { id: pair.access_key_id.clone(), secret: pair.secret.clone(), token: None }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    Hash,
    Unsigned,
    SignedChunks,
    SignedTrailer,
    UnsignedTrailer,
}

/// What is spoilt about a request after it was signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoil {
    Nothing,
    /// The last chunk is left away.
    LastChunk,
    /// The announced trailer is left away.
    Trailer,
    /// A byte of the data is another one.
    Data,
    /// One data chunk less than announced.
    Short,
}

#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// As on the wire.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) unsigned_headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) payload: Payload,
    pub(crate) spoil: Spoil,
    pub(crate) clock: SignedDuration,
    pub(crate) chunked: bool,
}

pub(crate) fn request(method: &'static str, path: &str) -> Request {
    Request {
        method,
        path: path.to_owned(),
        query: String::new(),
        headers: Vec::new(),
        unsigned_headers: Vec::new(),
        body: Vec::new(),
        payload: Payload::Hash,
        spoil: Spoil::Nothing,
        clock: SignedDuration::ZERO,
        chunked: false,
    }
}

pub(crate) fn get(path: &str) -> Request {
    request("GET", path)
}

pub(crate) fn put(path: &str, body: impl Into<Vec<u8>>) -> Request {
    Request { body: body.into(), ..request("PUT", path) }
}

impl Request {
    pub(crate) fn query(self, query: &str) -> Request {
        Request { query: query.to_owned(), ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Request {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn unsigned_header(mut self, name: &str, value: &str) -> Request {
        self.unsigned_headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    pub(crate) fn payload(self, payload: Payload) -> Request {
        Request { payload, ..self }
    }

    pub(crate) fn spoil(self, spoil: Spoil) -> Request {
        Request { spoil, ..self }
    }

    pub(crate) fn clock(self, clock: SignedDuration) -> Request {
        Request { clock, ..self }
    }

    /// With Transfer-Encoding instead of a length.
    pub(crate) fn chunked(self) -> Request {
        Request { chunked: true, ..self }
    }

    /// The request's bytes, signed in its header.
    pub(crate) fn signed(&self, keys: &Keys, host: &str) -> Vec<u8> {
        let date = amz_date(self.clock);
        let hash = match self.payload {
            Payload::Hash if self.body.is_empty() => EMPTY.to_owned(),
            Payload::Hash => sha256(&self.body),
            Payload::Unsigned => "UNSIGNED-PAYLOAD".to_owned(),
            Payload::SignedChunks => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD".to_owned(),
            Payload::SignedTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER".to_owned(),
            Payload::UnsignedTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER".to_owned(),
        };
        let mut headers = self.headers.clone();
        let mut add = |name: &str, value: &str| headers.push((name.to_owned(), value.into()));
        add("Host", host);
        add("x-amz-date", &date);
        add("x-amz-content-sha256", &hash);
        if let Some(token) = &keys.token {
            add("x-amz-security-token", token);
        }
        if !matches!(self.payload, Payload::Hash | Payload::Unsigned) {
            add("x-amz-decoded-content-length", &self.body.len().to_string());
            add("Content-Encoding", "aws-chunked");
        }
        if matches!(self.payload, Payload::SignedTrailer | Payload::UnsignedTrailer) {
            add("x-amz-trailer", "x-amz-checksum-sha256");
        }
        let (lines, names) = canonical_headers(&headers);
        let canonical = [
            self.method.as_bytes(),
            b"\n",
            encode(&decode(&self.path), false).as_bytes(),
            b"\n",
            canonical_query(&self.query).as_bytes(),
            b"\n",
            &lines,
            b"\n",
            names.as_bytes(),
            b"\n",
            hash.as_bytes(),
        ]
        .concat();
        let scope = scope(&date);
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256(&canonical));
        let key = signing_key(&keys.secret, &date);
        let signature = sign(&key, &text);
        let id = &keys.id;
        add_authorization(&mut headers, id, &scope, &names, &signature);
        let body = self.framed(&key, &date, &scope, &signature);
        self.assembled(headers, body)
    }

    /// The request's bytes, signed in its query.
    pub(crate) fn presigned(&self, keys: &Keys, host: &str, expires_secs: u64) -> Vec<u8> {
        let date = amz_date(self.clock);
        let scope = scope(&date);
        let credential = encode(format!("{}/{scope}", keys.id).as_bytes(), true);
        let mut query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={date}\
             &X-Amz-Expires={expires_secs}&X-Amz-SignedHeaders=host"
        );
        if let Some(token) = &keys.token {
            query += &format!("&X-Amz-Security-Token={}", encode(token.as_bytes(), true));
        }
        let canonical = format!(
            "{}\n{}\n{}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD",
            self.method,
            encode(&decode(&self.path), false),
            canonical_query(&query)
        );
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let signature = sign(&signing_key(&keys.secret, &date), &text);
        let query = format!("{query}&X-Amz-Signature={signature}");
        let headers = vec![("Host".to_owned(), host.as_bytes().to_vec())];
        Request { query, ..self.clone() }.assembled(headers, self.body.clone())
    }

    fn assembled(&self, mut headers: Vec<(String, Vec<u8>)>, body: Vec<u8>) -> Vec<u8> {
        headers.extend(self.unsigned_headers.clone());
        let body = if self.chunked {
            headers.push(("Transfer-Encoding".to_owned(), b"chunked".to_vec()));
            let mut framed = Vec::new();
            for piece in body.chunks(1000) {
                framed.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                framed.extend_from_slice(piece);
                framed.extend_from_slice(b"\r\n");
            }
            framed.extend_from_slice(b"0\r\n\r\n");
            framed
        } else {
            if !body.is_empty() || self.method == "PUT" || self.method == "POST" {
                let length = body.len().to_string().into_bytes();
                headers.push(("Content-Length".to_owned(), length));
            }
            body
        };
        let question = if self.query.is_empty() { "" } else { "?" };
        let line = format!("{} {}{question}{} HTTP/1.1\r\n", self.method, self.path, self.query);
        let mut bytes = line.into_bytes();
        for (name, value) in headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(&value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&body);
        bytes
    }

    fn framed(&self, key: &[u8], date: &str, scope: &str, seed: &str) -> Vec<u8> {
        if matches!(self.payload, Payload::Hash | Payload::Unsigned) {
            return self.body.clone();
        }
        let signed = self.payload != Payload::UnsignedTrailer;
        let mut previous = seed.to_owned();
        let mut out = Vec::new();
        let mut pieces: Vec<&[u8]> = self.body.chunks(64 * 1024).collect();
        if self.spoil == Spoil::Short {
            pieces.pop();
        }
        if self.spoil != Spoil::LastChunk {
            pieces.push(&[]);
        }
        for piece in pieces {
            out.extend_from_slice(format!("{:x}", piece.len()).as_bytes());
            if signed {
                let hash = sha256(piece);
                let head = "AWS4-HMAC-SHA256-PAYLOAD";
                let text = format!("{head}\n{date}\n{scope}\n{previous}\n{EMPTY}\n{hash}");
                previous = sign(key, &text);
                out.extend_from_slice(format!(";chunk-signature={previous}").as_bytes());
            }
            out.extend_from_slice(b"\r\n");
            let start = out.len();
            out.extend_from_slice(piece);
            if self.spoil == Spoil::Data && !piece.is_empty() {
                out[start] ^= 1;
            }
            if !piece.is_empty() || self.payload == Payload::SignedChunks {
                out.extend_from_slice(b"\r\n");
            }
        }
        if self.payload != Payload::SignedChunks && self.spoil != Spoil::Trailer {
            self.trailer(&mut out, key, date, scope, &previous);
        }
        out
    }

    fn trailer(&self, out: &mut Vec<u8>, key: &[u8], date: &str, scope: &str, previous: &str) {
        let digest = digest::digest(&digest::SHA256, &self.body);
        let value = base64(digest.as_ref());
        out.extend_from_slice(format!("x-amz-checksum-sha256:{value}\r\n").as_bytes());
        if self.payload == Payload::SignedTrailer {
            let hash = sha256(format!("x-amz-checksum-sha256:{value}\n").as_bytes());
            let head = "AWS4-HMAC-SHA256-TRAILER";
            let signature = sign(key, &format!("{head}\n{date}\n{scope}\n{previous}\n{hash}"));
            out.extend_from_slice(format!("x-amz-trailer-signature:{signature}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// One connection, kept open, plain or with TLS.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    pub(crate) host: String,
}

pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Client {
    pub(crate) fn plain(addr: SocketAddr) -> Client {
        Client { stream: Box::new(socket(addr)), host: addr.to_string() }
    }

    pub(crate) fn tls(addr: SocketAddr, ca: &Ca) -> Client {
        let config: Arc<rustls::ClientConfig> = ca.client_config().unwrap();
        let name = "localhost".try_into().unwrap();
        let session = rustls::ClientConnection::new(config, name).unwrap();
        let stream = Box::new(rustls::StreamOwned::new(session, socket(addr)));
        Client { stream, host: format!("localhost:{}", addr.port()) }
    }

    pub(crate) fn send(&mut self, request: &Request, keys: &Keys) -> RawResponse {
        let bytes = request.signed(keys, &self.host);
        self.raw(&bytes, request.method).unwrap()
    }

    pub(crate) fn raw(&mut self, bytes: &[u8], method: &str) -> std::io::Result<RawResponse> {
        let sent = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
        let response = read_response(&mut self.stream, method);
        response.or_else(|error| sent.and(Err(error)))
    }
}

fn socket(addr: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(addr).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

fn add_authorization(
    headers: &mut Vec<(String, Vec<u8>)>,
    id: &str,
    scope: &str,
    names: &str,
    signature: &str,
) {
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
    );
    headers.push(("Authorization".to_owned(), value.into_bytes()));
}

fn canonical_headers(headers: &[(String, Vec<u8>)]) -> (Vec<u8>, String) {
    let mut sorted: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, value) in headers {
        let words: Vec<&[u8]> = value
            .split(|byte| byte.is_ascii_whitespace())
            .filter(|word| !word.is_empty())
            .collect();
        let (name, value) = (name.to_ascii_lowercase(), words.join(&b' '));
        match sorted.iter_mut().find(|(one, _)| *one == name) {
            Some((_, joined)) => joined.extend([b",".as_slice(), &value].concat()),
            None => sorted.push((name, value)),
        }
    }
    sorted.sort();
    let line = |(name, value): &(String, Vec<u8>)| {
        [name.as_bytes(), b":", value.as_slice(), b"\n"].concat()
    };
    let names: Vec<&str> = sorted.iter().map(|(name, _)| name.as_str()).collect();
    (sorted.iter().flat_map(line).collect(), names.join(";"))
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encode(&decode(name), true), encode(&decode(value), true)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

pub(crate) fn encode(bytes: &[u8], slash: bool) -> String {
    let mut out = String::new();
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(*byte));
            }
            b'/' if !slash => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

fn amz_date(clock: SignedDuration) -> String {
    (Timestamp::now() + clock).strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn scope(date: &str) -> String {
    format!("{}/{REGION}/s3/aws4_request", &date[..8])
}

fn signing_key(secret: &str, date: &str) -> Vec<u8> {
    let steps = [&date[..8], REGION, "s3", "aws4_request"];
    steps.iter().fold(format!("AWS4{secret}").into_bytes(), |key, step| mac(&key, step.as_bytes()))
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().to_vec()
}

fn sign(key: &[u8], text: &str) -> String {
    hex(&mac(key, text.as_bytes()))
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
            out.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}
