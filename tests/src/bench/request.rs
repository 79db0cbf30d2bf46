// SPDX-License-Identifier: Apache-2.0
//! The requests, signed once and sent as they are again and again: the client costs the same on
//! every route.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use sigv4::{
    CanonicalPath, Identity, Request, Scope, Seed, SigningKey, Timestamp, Writer,
    encoded_length_signed,
};

/// Everybody signs for it.
pub(super) const REGION: &str = "us-east-1";

/// An object whose answer is one segment.
pub(super) const SMALL: &str = "/bucket/small";
/// The same, its answer being two segments.
pub(super) const SMALL_SPLIT: &str = "/bucket/small-split";
pub(super) const SMALL_BYTES: usize = 1024;
/// As long as a pack of kopia.
pub(super) const LARGE: &str = "/bucket/large";
pub(super) const LARGE_BYTES: usize = 20 * 1024 * 1024;

/// As minio-go's.
const CHUNK_BYTES: usize = 64 * 1024;
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// The MD5 of [`LARGE_BYTES`] dots.
const LARGE_MD5: &str = "oO7PMZJcNGSghMJDXuMoAQ==";

/// Who signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) id: String,
    pub(super) secret: String,
}

/// The bytes of a request, and what must come back.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    /// Head and body.
    pub(super) bytes: Arc<[u8]>,
    /// How long the body of the answer must be.
    pub(super) answer_bytes: usize,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    HeadSmall,
    GetSmall,
    GetSmallSplit,
    GetLarge,
    PutSmall,
    PutLarge,
}

impl Ask {
    /// Signed for the server at `host`.
    pub(super) fn prepare(self, host: SocketAddr, caller: &Caller) -> anyhow::Result<Prepared> {
        let (method, target, answer_bytes) = match self {
            Ask::HeadSmall => (Method::HEAD, SMALL, 0),
            Ask::GetSmall => (Method::GET, SMALL, SMALL_BYTES),
            Ask::GetSmallSplit => (Method::GET, SMALL_SPLIT, SMALL_BYTES),
            Ask::GetLarge => (Method::GET, LARGE, LARGE_BYTES),
            Ask::PutSmall => (Method::PUT, SMALL, 0),
            Ask::PutLarge => (Method::PUT, LARGE, 0),
        };
        let bytes = match self {
            Ask::PutSmall => put_small(host, caller)?,
            Ask::PutLarge => put_large(host, caller)?,
            _ => signed(&method, target, host, caller, HeaderMap::new(), EMPTY_SHA256)?.head,
        };
        Ok(Prepared { bytes: bytes.into(), answer_bytes })
    }
}

fn put_small(host: SocketAddr, caller: &Caller) -> anyhow::Result<Vec<u8>> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, SMALL_BYTES.into());
    let literal = "UNSIGNED-PAYLOAD";
    let mut request = signed(&Method::PUT, SMALL, host, caller, headers, literal)?.head;
    request.extend_from_slice(&[b'.'; SMALL_BYTES]);
    Ok(request)
}

/// As minio-go puts a pack of kopia over plain HTTP: chunks of 64 KiB, each signed, and the MD5 of
/// all in a signed header.
fn put_large(host: SocketAddr, caller: &Caller) -> anyhow::Result<Vec<u8>> {
    let mut headers = HeaderMap::new();
    let wire_bytes = encoded_length_signed(LARGE_BYTES as u64, CHUNK_BYTES as u64);
    headers.insert(CONTENT_LENGTH, wire_bytes.into());
    headers.insert(HeaderName::from_static("content-md5"), HeaderValue::from_static(LARGE_MD5));
    let decoded = HeaderName::from_static("x-amz-decoded-content-length");
    headers.insert(decoded, LARGE_BYTES.into());
    let literal = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    let Signed { mut head, key, seed } =
        signed(&Method::PUT, LARGE, host, caller, headers, literal)?;
    let data = Bytes::from(vec![b'.'; LARGE_BYTES]);
    let mut writer = Writer::new(Arc::new(key), seed);
    for at in (0..LARGE_BYTES).step_by(CHUNK_BYTES) {
        let chunk = data.slice(at..LARGE_BYTES.min(at + CHUNK_BYTES));
        head.extend_from_slice(&writer.header(std::slice::from_ref(&chunk)));
        head.extend_from_slice(&chunk);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(&writer.last());
    Ok(head)
}

struct Signed {
    head: Vec<u8>,
    key: SigningKey,
    seed: Seed,
}

fn signed(
    method: &Method,
    target: &str,
    host: SocketAddr,
    caller: &Caller,
    mut headers: HeaderMap,
    payload: &str,
) -> anyhow::Result<Signed> {
    headers.insert(HOST, host.to_string().parse()?);
    let at = Timestamp::from_system_time(SystemTime::now());
    let key = SigningKey::derive(caller.secret.as_bytes(), at.date(), REGION);
    let path = CanonicalPath::from_wire(target.as_bytes());
    let seed = sigv4::sign(
        &Request { method, path: &path, query: "" },
        &mut headers,
        payload,
        &Identity { access_key_id: &caller.id, session_token: None },
        &key,
        &Scope::new(at.date(), REGION),
        at,
    )?;
    let mut head = format!("{method} {} HTTP/1.1\r\n", path.as_str()).into_bytes();
    for (name, value) in &headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"accept-encoding: identity\r\nuser-agent: bench\r\n\r\n");
    Ok(Signed { head, key, seed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::origin::find;

    #[test]
    fn a_put_is_as_long_as_its_head_says() {
        let caller = Caller { id: "id".to_owned(), secret: "secret".to_owned() };
        let put = Ask::PutLarge.prepare(SocketAddr::from(([127, 0, 0, 1], 80)), &caller).unwrap();
        let end = find(&put.bytes, b"\r\n\r\n").unwrap() + 4;
        let head = std::str::from_utf8(&put.bytes[..end]).unwrap();
        // The length that a pack of kopia has on the wire.
        assert!(head.contains("content-length: 21000406\r\n"), "{head}");
        assert!(head.contains("SignedHeaders=content-md5;host;x-amz-"), "{head}");
        assert_eq!(put.bytes.len() - end, 21_000_406);
    }
}
