// SPDX-License-Identifier: Apache-2.0
//! A small S3 client over plain sockets: it signs as S3 wants it, and sends the very bytes that a
//! test asks for, right or wrong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sigv4::{CanonicalPath, Identity, Query, Request, Scope, SigningKey, Timestamp, Writer};
use testbed::{RawResponse, exchange};

pub(crate) const REGION: &str = "us-east-1";

/// Who signs, and where it sends.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) addr: SocketAddr,
    pub(crate) host: String,
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// The body and how it is told about.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// As it is, under this literal; `None` is its SHA-256.
    Whole(Option<&'static str>, Vec<u8>),
    /// aws-chunked, each chunk signed.
    Signed(Vec<Vec<u8>>),
    /// aws-chunked, chunks and trailer signed.
    SignedTrailer(Vec<Vec<u8>>, (&'static str, String)),
    /// aws-chunked, nothing signed.
    UnsignedTrailer(Vec<Vec<u8>>, (&'static str, String)),
}

/// How the wire body's end is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// By the length of what is sent.
    Right,
    /// By chunked transfer-encoding.
    Chunked,
    /// By nothing.
    Untold,
}

type Damage = Box<dyn FnOnce(&mut Vec<u8>)>;

/// One request to be.
pub(crate) struct Call<'a> {
    client: &'a Client,
    method: Method,
    target: Vec<u8>,
    headers: HeaderMap,
    unsigned: Vec<(String, Vec<u8>)>,
    form: Form,
    length: Length,
    damage: Option<Damage>,
    at: SystemTime,
}

impl Client {
    pub(crate) fn call(&self, method: Method, target: impl AsRef<[u8]>) -> Call<'_> {
        let bodyless = matches!(method, Method::GET | Method::HEAD | Method::DELETE);
        Call {
            client: self,
            method,
            target: target.as_ref().to_vec(),
            headers: HeaderMap::new(),
            unsigned: Vec::new(),
            form: Form::Whole(None, Vec::new()),
            length: if bodyless { Length::Untold } else { Length::Right },
            damage: None,
            at: SystemTime::now(),
        }
    }

    pub(crate) fn get(&self, target: impl AsRef<[u8]>) -> Call<'_> {
        self.call(Method::GET, target)
    }

    pub(crate) fn head(&self, target: impl AsRef<[u8]>) -> Call<'_> {
        self.call(Method::HEAD, target)
    }

    pub(crate) fn put(&self, target: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Call<'_> {
        self.call(Method::PUT, target).form(Form::Whole(None, body.as_ref().to_vec()))
    }

    /// A presigned target, good for ten minutes.
    pub(crate) fn presigned(&self, method: &Method, target: &str) -> String {
        let at = Timestamp::from_system_time(SystemTime::now());
        let scope = Scope::new(at.date(), REGION);
        let credential = format!("{}/{scope}", self.id);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut query = Query::from_wire(query.as_bytes());
        for (name, value) in [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", at.as_str()),
            ("X-Amz-Expires", "600"),
            ("X-Amz-SignedHeaders", "host"),
        ] {
            query.push(name.as_bytes(), value.as_bytes());
        }
        let query = query.canonical();
        let path = CanonicalPath::from_wire(path.as_bytes());
        let canonical = format!(
            "{method}\n{}\n{query}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD",
            path.as_str(),
            self.host
        );
        let hash = sha256_hex(canonical.as_bytes());
        let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hash}", at.as_str());
        let signature = self.key(&at).sign(text.as_bytes());
        format!("{}?{query}&X-Amz-Signature={}", path.as_str(), signature.as_str())
    }

    fn key(&self, at: &Timestamp) -> SigningKey {
        SigningKey::derive(self.secret.as_bytes(), at.date(), REGION)
    }

    /// Sends bytes as they are.
    pub(crate) fn raw(&self, bytes: &[u8]) -> RawResponse {
        exchange(self.addr, bytes).unwrap()
    }
}

impl Call<'_> {
    /// A header that is signed if S3 wants it signed.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.append(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    /// A header that comes in after the signing.
    pub(crate) fn unsigned_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.unsigned.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    pub(crate) fn length(self, length: Length) -> Self {
        Self { length, ..self }
    }

    /// Changes the wire body after it was signed.
    pub(crate) fn damage(self, damage: impl FnOnce(&mut Vec<u8>) + 'static) -> Self {
        Self { damage: Some(Box::new(damage)), ..self }
    }

    pub(crate) fn at(self, at: SystemTime) -> Self {
        Self { at, ..self }
    }

    pub(crate) fn send(self) -> RawResponse {
        let client = self.client;
        client.raw(&self.bytes())
    }

    /// Head and wire body.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let (head, body) = self.parts();
        [head, body].concat()
    }

    /// The same, apart.
    pub(crate) fn parts(mut self) -> (Vec<u8>, Vec<u8>) {
        self.tell_of_frames();
        let seed = self.sign();
        let mut body = self.wire_body(seed);
        if let Some(damage) = self.damage.take() {
            damage(&mut body);
        }
        match self.length {
            Length::Right => self.headers.insert(CONTENT_LENGTH, body.len().into()),
            Length::Chunked => {
                body = http_chunks(&body);
                self.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"))
            }
            Length::Untold => None,
        };
        (self.head(), body)
    }

    fn tell_of_frames(&mut self) {
        let (chunks, trailer) = match &self.form {
            Form::Whole(..) => return,
            Form::Signed(chunks) => (chunks, None),
            Form::SignedTrailer(chunks, (name, _)) | Form::UnsignedTrailer(chunks, (name, _)) => {
                (chunks, Some(*name))
            }
        };
        let decoded: usize = chunks.iter().map(Vec::len).sum();
        self.headers.entry("x-amz-decoded-content-length").or_insert(decoded.into());
        if let Some(name) = trailer {
            self.headers.insert("x-amz-trailer", HeaderValue::from_static(name));
        }
    }

    fn literal(&self) -> String {
        match &self.form {
            Form::Whole(Some(literal), _) => (*literal).to_owned(),
            Form::Whole(None, bytes) => sha256_hex(bytes),
            Form::Signed(_) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD".to_owned(),
            Form::SignedTrailer(..) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER".to_owned(),
            Form::UnsignedTrailer(..) => "STREAMING-UNSIGNED-PAYLOAD-TRAILER".to_owned(),
        }
    }

    fn sign(&mut self) -> Writer {
        let host = HeaderValue::from_str(&self.client.host).unwrap();
        self.headers.insert(HOST, host);
        let at = Timestamp::from_system_time(self.at);
        let key = self.client.key(&at);
        let mut parts = self.target.splitn(2, |byte| *byte == b'?');
        let path = CanonicalPath::from_wire(parts.next().unwrap());
        let query = Query::from_wire(parts.next().unwrap_or_default()).canonical();
        let literal = self.literal();
        let seed = sigv4::sign(
            &Request { method: &self.method, path: &path, query: &query },
            &mut self.headers,
            &literal,
            &Identity { access_key_id: &self.client.id, session_token: None },
            &key,
            &Scope::new(at.date(), REGION),
            at,
        );
        Writer::new(Arc::new(key), seed.unwrap())
    }

    fn wire_body(&self, mut writer: Writer) -> Vec<u8> {
        let trailer = |(name, value): &(&str, String)| {
            ((*name).to_owned(), Bytes::from(value.clone().into_bytes()))
        };
        let mut body = Vec::new();
        match &self.form {
            Form::Whole(_, bytes) => body.extend_from_slice(bytes),
            Form::Signed(chunks) => {
                signed_chunks(&mut writer, chunks, &mut body);
                body.extend_from_slice(&writer.last());
            }
            Form::SignedTrailer(chunks, told) => {
                signed_chunks(&mut writer, chunks, &mut body);
                body.extend_from_slice(&writer.last_before_trailer());
                body.extend_from_slice(&writer.trailer(&[trailer(told)]));
            }
            Form::UnsignedTrailer(chunks, (name, value)) => {
                for chunk in chunks {
                    body.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                    body.extend_from_slice(chunk);
                    body.extend_from_slice(b"\r\n");
                }
                body.extend_from_slice(format!("0\r\n{name}:{value}\r\n\r\n").as_bytes());
            }
        }
        body
    }

    fn head(&self) -> Vec<u8> {
        let mut head = format!("{} ", self.method).into_bytes();
        head.extend_from_slice(&self.target);
        head.extend_from_slice(b" HTTP/1.1\r\n");
        let signed = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let unsigned = self.unsigned.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        for (name, value) in signed.chain(unsigned) {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// Asks for leave to send the body.
    pub(crate) fn expecting(mut self) -> Self {
        self.headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
        self
    }
}

fn signed_chunks(writer: &mut Writer, chunks: &[Vec<u8>], body: &mut Vec<u8>) {
    for chunk in chunks {
        let data = Bytes::from(chunk.clone());
        body.extend_from_slice(&writer.header(std::slice::from_ref(&data)));
        body.extend_from_slice(&data);
        body.extend_from_slice(b"\r\n");
    }
}

/// HTTP's own chunks, of sizes that fit no other frame.
fn http_chunks(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in body.chunks(777) {
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// The value of `x-amz-checksum-sha256`.
pub(crate) fn sha256_base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(digest(&SHA256, bytes))
}

/// The text between `<Code>` and `</Code>`.
pub(crate) fn code(response: &RawResponse) -> String {
    let text = response.text();
    let rest = text.split_once("<Code>").map_or("", |(_, rest)| rest);
    rest.split_once("</Code>").map_or("", |(code, _)| code).to_owned()
}

/// Asserts an error in S3's form: status, code, XML type, request id.
#[track_caller]
pub(crate) fn assert_error(response: &RawResponse, status: u16, wanted: &str) {
    let text = response.text();
    assert_eq!((response.head.status, code(response).as_str()), (status, wanted), "{text}");
    assert_eq!(response.head.header("content-type"), Some("application/xml"), "{text}");
    let id = response.head.header("x-amz-request-id").unwrap_or_default();
    assert!(!id.is_empty() && text.contains(&format!("<RequestId>{id}</RequestId>")), "{text}");
    assert!(response.complete, "{text}");
}

/// Asserts a success.
#[track_caller]
pub(crate) fn assert_ok(response: &RawResponse) {
    assert!((200..300).contains(&response.head.status), "{:?} {}", response.head, response.text());
}
