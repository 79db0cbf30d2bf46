// SPDX-License-Identifier: Apache-2.0
//! The credential, the day and the bucket of AWS's published examples. The fuzz target uses this
//! file, too.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sigv4::{
    CanonicalPath, KeyCache, Presented, Query, Received, Timestamp, Verified, VerifyError,
};

pub(crate) const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const AT: &str = "20130524T000000Z";
pub(crate) const SCOPE: &str = "20130524/us-east-1/s3/aws4_request";

/// The seed of the chunked example: the signature of its head.
pub(crate) const CHUNKED_SEED: &str =
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse_basic(text).expect("a time in basic form")
}

pub(crate) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
    }
    map
}

/// A request as it comes from the wire.
#[derive(Clone)]
pub(crate) struct Arrived {
    pub(crate) method: Method,
    pub(crate) path: CanonicalPath,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
}

impl Arrived {
    pub(crate) fn new(method: Method, target: &str, headers: HeaderMap) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = CanonicalPath::from_wire(path.as_bytes());
        Self { method, path, query: Query::from_wire(query.as_bytes()), headers }
    }

    pub(crate) fn presented(&self) -> Presented {
        sigv4::presented(&self.query, &self.headers).expect("a signature in SigV4's form")
    }

    pub(crate) fn verify(&self, secret: &str, now: Timestamp) -> Result<Verified, VerifyError> {
        let received = Received {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
        };
        let keys = KeyCache::new(1);
        sigv4::verify(&self.presented(), &received, secret.as_bytes(), &keys, now)
    }
}

pub(crate) fn authorization(signed: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={KEY_ID}/{SCOPE},SignedHeaders={signed},Signature={signature}"
    )
}

/// The head of the example that uploads 66,560 bytes in three chunks.
pub(crate) fn chunked_example() -> Arrived {
    let signed = "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
                  x-amz-decoded-content-length;x-amz-storage-class";
    let headers = headers(&[
        ("Host", "s3.amazonaws.com"),
        ("x-amz-date", AT),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("Authorization", &authorization(signed, CHUNKED_SEED)),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("Content-Encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("Content-Length", "66824"),
    ]);
    Arrived::new(Method::PUT, "/examplebucket/chunkObject.txt", headers)
}

/// Key and seed of that example: the chain that signed test bodies begin with.
pub(crate) fn example_chain() -> Verified {
    chunked_example().verify(SECRET, at(AT)).expect("AWS's own example")
}
