// SPDX-License-Identifier: Apache-2.0
//! Signs a request by header.

use http::header::{AUTHORIZATION, HeaderName, HeaderValue, InvalidHeaderValue};
use http::{HeaderMap, Method};
use thiserror::Error;

use crate::canonical::{ALGORITHM, Parts, request_hash, string_to_sign};
use crate::encode::CanonicalPath;
use crate::key::{Scope, Signature, SigningKey};
use crate::time::Timestamp;

const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Whose signature it is.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The access key id.
    pub access_key_id: &'a str,
    /// The session token of a temporary credential.
    pub session_token: Option<&'a str>,
}

/// The request line. What is signed here must be sent as it is.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path.
    pub path: &'a CanonicalPath,
    /// The canonical query ([`crate::Query::canonical`]).
    pub query: &'a str,
}

/// A request's signature: the first link of its chunk chain.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The signature of the request, or of the chunk before.
    pub signature: Signature,
    /// Day, region, service.
    pub scope: Scope,
    /// The signed time.
    pub at: Timestamp,
}

/// A value that cannot stand in a header.
#[derive(Debug, Error)]
#[error("{name} has bytes that cannot stand in a header")]
pub struct SignError {
    name: &'static str,
    source: InvalidHeaderValue,
}

/// Signs: sets `x-amz-date`, `x-amz-content-sha256`, `x-amz-security-token` (removed without a
/// token) and `authorization` in `headers`, which must hold `host`.
///
/// Signed are `host`, `content-type`, `content-md5`, `range` and every `x-amz-*`. `payload` is the
/// literal or the hex digest of the body.
///
/// # Errors
/// [`SignError`] if the token, the region or the key id cannot stand in a header.
pub fn sign(
    request: &Request<'_>,
    headers: &mut HeaderMap,
    payload: &str,
    who: &Identity<'_>,
    key: &SigningKey,
    scope: &Scope,
    at: Timestamp,
) -> Result<Seed, SignError> {
    headers.insert(AMZ_DATE, value("x-amz-date", at.as_str())?);
    headers.insert(CONTENT_SHA256, value("x-amz-content-sha256", payload)?);
    match who.session_token {
        Some(token) => headers.insert(SECURITY_TOKEN, secret("x-amz-security-token", token)?),
        None => headers.remove(SECURITY_TOKEN),
    };
    let mut signed: Vec<&str> =
        headers.keys().map(HeaderName::as_str).filter(|name| is_signed(name)).collect();
    signed.sort_unstable();
    let hash = request_hash(&Parts {
        method: request.method,
        path: request.path,
        query: request.query,
        headers,
        signed: &signed,
        payload,
    });
    let signature = key.sign(string_to_sign(at, scope, &hash).as_bytes());
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={}",
        who.access_key_id,
        signed.join(";"),
        signature.as_str(),
    );
    headers.insert(AUTHORIZATION, secret("authorization", &authorization)?);
    Ok(Seed { signature, scope: scope.clone(), at })
}

fn is_signed(name: &str) -> bool {
    matches!(name, "host" | "content-type" | "content-md5" | "range") || name.starts_with("x-amz-")
}

fn value(name: &'static str, text: &str) -> Result<HeaderValue, SignError> {
    HeaderValue::from_str(text).map_err(|source| SignError { name, source })
}

/// A value that no `Debug` shows.
fn secret(name: &'static str, text: &str) -> Result<HeaderValue, SignError> {
    let mut value = value(name, text)?;
    value.set_sensitive(true);
    Ok(value)
}
