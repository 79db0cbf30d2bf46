// SPDX-License-Identifier: Apache-2.0
//! One signed question to the proxy, as a client of S3 asks it.

use std::net::SocketAddr;
use std::time::SystemTime;

use http::header::HOST;
use http::{HeaderMap, Method};
use sigv4::{CanonicalPath, Identity, Request, Scope, SigningKey, Timestamp};
use testbed::{RawResponse, exchange};

use crate::bed::REGION;

/// Gets an object, signed by `pair`.
pub(crate) fn signed_get(
    at: SocketAddr,
    target: &str,
    pair: (&str, &str),
) -> anyhow::Result<RawResponse> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, at.to_string().parse()?);
    let now = Timestamp::from_system_time(SystemTime::now());
    let key = SigningKey::derive(pair.1.as_bytes(), now.date(), REGION);
    let path = CanonicalPath::from_wire(target.as_bytes());
    sigv4::sign(
        &Request { method: &Method::GET, path: &path, query: "" },
        &mut headers,
        "UNSIGNED-PAYLOAD",
        &Identity { access_key_id: pair.0, session_token: None },
        &key,
        &Scope::new(now.date(), REGION),
        now,
    )?;
    let mut bytes = format!("GET {target} HTTP/1.1\r\n").into_bytes();
    for (name, value) in &headers {
        bytes.extend_from_slice(format!("{name}: ").as_bytes());
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    Ok(exchange(at, &bytes)?)
}
