// SPDX-License-Identifier: Apache-2.0
//! Proves a presented signature, in constant time.

use std::sync::Arc;

use http::header::HeaderName;
use http::{HeaderMap, Method};
use thiserror::Error;

use crate::canonical::{Parts, request_hash, string_to_sign};
use crate::encode::{CanonicalPath, Query};
use crate::key::{KeyCache, Scope, SigningKey};
use crate::payload::{InvalidPayload, Payload};
use crate::presented::{Place, Presented};
use crate::sign::Seed;
use crate::time::Timestamp;

const CONTENT_SHA256: &str = "x-amz-content-sha256";
/// S3's window around the server's clock, in seconds.
const SKEW: i64 = 15 * 60;

/// A request as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path in canonical form.
    pub path: &'a CanonicalPath,
    /// The whole query, a presigned URL's parameters included.
    pub query: &'a Query,
    /// All headers.
    pub headers: &'a HeaderMap,
}

/// A proven signature.
#[derive(Debug)]
pub struct Verified {
    /// The first link of the chunk chain.
    pub seed: Seed,
    /// The key that signed it.
    pub key: Arc<SigningKey>,
    /// What the request says of its body.
    pub payload: Payload,
}

/// Why a signature does not prove the request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// Another secret, or another request.
    #[error("the signature does not match the request")]
    SignatureMismatch,
    /// The signed time is too far from ours.
    #[error(
        "the difference between the request time and the current time is too large: {seconds} s, at most {SKEW} s"
    )]
    RequestTimeTooSkewed {
        /// The request's time less ours, in seconds.
        seconds: i64,
    },
    /// A presigned URL after its end.
    #[error("the presigned request has expired")]
    Expired,
    /// Headers that S3 wants signed.
    #[error("there were headers present in the request which were not signed: {}", .0.join(", "))]
    HeadersNotSigned(Vec<String>),
    /// A header signature without `x-amz-content-sha256`.
    #[error("missing required header for this request: x-amz-content-sha256")]
    MissingContentSha256,
    /// An unknown literal.
    #[error(transparent)]
    InvalidContentSha256(#[from] InvalidPayload),
    /// Parts of the signature contradict each other.
    #[error("the signature cannot be read: {0}")]
    Malformed(String),
}

/// Verifies what [`crate::presented`] found, with the secret of its access key id.
///
/// # Errors
/// [`VerifyError`], in the order in which S3 checks: time, headers, signature.
pub fn verify(
    presented: &Presented,
    request: &Received<'_>,
    secret: &[u8],
    keys: &KeyCache,
    now: Timestamp,
) -> Result<Verified, VerifyError> {
    check_time(presented, now)?;
    check_coverage(presented, request.headers)?;
    let (payload, literal) = payload(presented, request.headers)?;
    let mut signed = presented.signed_headers();
    signed.sort_unstable();
    signed.dedup();
    let query = request.query.canonical_without(Some("X-Amz-Signature"));
    let hash = request_hash(&Parts {
        method: request.method,
        path: request.path,
        query: &query,
        headers: request.headers,
        signed: &signed,
        payload: &literal,
    });
    let key = keys.get(&presented.access_key_id, secret, &presented.date, &presented.region);
    let scope = Scope::new(&presented.date, &presented.region);
    let signature = key.sign(string_to_sign(presented.at, &scope, &hash).as_bytes());
    if !signature.matches(&presented.signature) {
        return Err(VerifyError::SignatureMismatch);
    }
    Ok(Verified { seed: Seed { signature, scope, at: presented.at }, key, payload })
}

fn check_time(presented: &Presented, now: Timestamp) -> Result<(), VerifyError> {
    if presented.at.date() != presented.date {
        return Err(VerifyError::Malformed(
            "the scope's date is not that of the signed time".to_owned(),
        ));
    }
    let seconds = presented.at.unix_seconds() - now.unix_seconds();
    match presented.place {
        Place::Header if seconds.abs() > SKEW => Err(VerifyError::RequestTimeTooSkewed { seconds }),
        Place::Query { .. } if seconds > SKEW => Err(VerifyError::RequestTimeTooSkewed { seconds }),
        Place::Query { expires } if -seconds > expires => Err(VerifyError::Expired),
        _ => Ok(()),
    }
}

/// `host` and every `x-amz-*` that is present must be signed: an unsigned one may be anybody's.
fn check_coverage(presented: &Presented, headers: &HeaderMap) -> Result<(), VerifyError> {
    let exempt = |name: &str| presented.is_presigned() && name == CONTENT_SHA256;
    let mut missing: Vec<String> = headers
        .keys()
        .map(HeaderName::as_str)
        .filter(|name| (*name == "host" || name.starts_with("x-amz-")) && !exempt(name))
        .filter(|name| !presented.signed_headers.iter().any(|signed| signed == name))
        .map(str::to_owned)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    missing.sort_unstable();
    Err(VerifyError::HeadersNotSigned(missing))
}

/// The body's form, and the text in the hash line. A presigned URL's hash line says
/// `UNSIGNED-PAYLOAD` unless its `x-amz-content-sha256` header is among the signed ones; the header
/// still tells the body's form.
fn payload(presented: &Presented, headers: &HeaderMap) -> Result<(Payload, String), VerifyError> {
    let unsigned = || Payload::Unsigned.literal().to_owned();
    let Some(value) = headers.get(CONTENT_SHA256) else {
        return match presented.is_presigned() {
            true => Ok((Payload::Unsigned, unsigned())),
            false => Err(VerifyError::MissingContentSha256),
        };
    };
    let payload = Payload::parse(value.as_bytes().trim_ascii())?;
    if presented.signed_headers.iter().any(|name| name == CONTENT_SHA256) {
        let literal = payload.literal().to_owned();
        return Ok((payload, literal));
    }
    match payload {
        Payload::Chunked | Payload::ChunkedTrailer => Err(VerifyError::Malformed(
            "a presigned request with signed chunks must sign x-amz-content-sha256".to_owned(),
        )),
        payload => Ok((payload, unsigned())),
    }
}
