// SPDX-License-Identifier: Apache-2.0
//! What is done with a request's body: decided before its first byte is read.
//!
//! The literal in `x-amz-content-sha256` decides on the form, never `Content-Encoding` (minio-go
//! omits the latter). Over TLS, signed chunks travel decoded as `UNSIGNED-PAYLOAD`: TLS and the
//! caller's own digest keep them whole, and no byte is hashed for the way upstream.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::Incoming;
use sigv4::{Payload, SigningKey};

use super::CHUNK;
use crate::config::PayloadMode;
use crate::headers::{self, AMZ_TRAILER, DECODED_LENGTH};
use crate::s3_error::S3Error;

/// What the caller's verified request says about its body.
pub(crate) struct Request<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) payload: &'a Payload,
    /// The declared `Content-Length`; `None` with chunked transfer-encoding.
    pub(crate) length: Option<u64>,
    /// The request has no body at all: no length and no transfer-encoding, or length 0.
    pub(crate) is_empty: bool,
    pub(crate) has_signed_digest: bool,
}

/// Where the body goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// As it comes; the store checks the caller's hash, if any.
    Plain { length: Option<u64> },
    /// As it comes, its unsigned frames checked on the way.
    Verbatim { length: Option<u64>, decoded: u64 },
    /// Frames taken off.
    Decode { decoded: u64, trust: Trust },
    /// Signed frames replaced by unsigned ones; the trailer stays.
    Reframe { decoded: u64, trailers: Vec<String> },
    /// Each chunk signed again.
    Resign { decoded: u64, trailers: Vec<String> },
}

/// Who makes sure that the decoded bytes are the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// We check each chunk's signature.
    ChunkSignatures,
    /// The store checks a digest that the caller signed; SHA-256 is not spent twice.
    SignedDigest,
}

/// A body ready to be sent.
pub(crate) enum Outgoing {
    /// Held in memory: can be sent again.
    Held { bytes: Bytes, literal: String },
    /// Streams from the caller: can be sent once.
    Stream { plan: Plan, literal: String, inbound: Option<Incoming>, caller: CallerChain },
}

/// What verifies the caller's chunk chain.
#[derive(Clone)]
pub(crate) struct CallerChain {
    pub(crate) key: Arc<SigningKey>,
    pub(crate) seed: sigv4::Seed,
}

impl Plan {
    /// The literal upstream; `given` is the caller's own.
    pub(crate) fn literal(&self, given: &Payload) -> String {
        match self {
            Self::Plain { .. } | Self::Verbatim { .. } => given.literal().to_owned(),
            Self::Decode { .. } => Payload::Unsigned.literal().to_owned(),
            Self::Reframe { .. } => Payload::UnsignedTrailer.literal().to_owned(),
            Self::Resign { trailers, .. } if trailers.is_empty() => {
                Payload::Chunked.literal().to_owned()
            }
            Self::Resign { .. } => Payload::ChunkedTrailer.literal().to_owned(),
        }
    }

    /// Bytes on the wire upstream; `None` means chunked transfer-encoding.
    pub(crate) fn wire_length(&self) -> Option<u64> {
        match self {
            Self::Plain { length } | Self::Verbatim { length, .. } => *length,
            Self::Decode { decoded, .. } => Some(*decoded),
            Self::Reframe { decoded, trailers } => {
                let known = trailer_lengths(trailers)?;
                Some(sigv4::UnsignedWriter::encoded_length(*decoded, CHUNK, &known))
            }
            Self::Resign { decoded, trailers } if trailers.is_empty() => {
                Some(sigv4::encoded_length_signed(*decoded, CHUNK))
            }
            Self::Resign { decoded, trailers } => {
                let known = trailer_lengths(trailers)?;
                Some(sigv4::encoded_length_signed_trailer(*decoded, CHUNK, &known))
            }
        }
    }
}

/// Decides what is done with a body.
pub(crate) fn plan(request: &Request<'_>, mode: PayloadMode) -> Result<Plan, S3Error> {
    match request.payload {
        Payload::Sha256(_) | Payload::Unsigned => Ok(Plan::Plain { length: request.length }),
        Payload::UnsignedTrailer => {
            Ok(Plan::Verbatim { length: request.length, decoded: decoded_length(request)? })
        }
        Payload::Chunked => {
            let decoded = decoded_length(request)?;
            let trust = match request.has_signed_digest {
                true => Trust::SignedDigest,
                false => Trust::ChunkSignatures,
            };
            Ok(match mode {
                PayloadMode::Auto => Plan::Decode { decoded, trust },
                PayloadMode::Preserve => Plan::Resign { decoded, trailers: Vec::new() },
            })
        }
        Payload::ChunkedTrailer => {
            let decoded = decoded_length(request)?;
            let trailers = trailer_names(request.headers)?;
            Ok(match mode {
                PayloadMode::Auto => Plan::Reframe { decoded, trailers },
                PayloadMode::Preserve => Plan::Resign { decoded, trailers },
            })
        }
        _ => Err(S3Error::not_implemented(
            "SigV4A (ECDSA) payloads are not supported: use a regional endpoint and SigV4",
        )),
    }
}

/// The decoded length, which every streaming form must declare.
fn decoded_length(request: &Request<'_>) -> Result<u64, S3Error> {
    headers::number(request.headers, &DECODED_LENGTH).ok_or_else(|| {
        S3Error::new(
            http::StatusCode::LENGTH_REQUIRED,
            "MissingContentLength",
            "a streaming body needs x-amz-decoded-content-length as a number of bytes",
        )
    })
}

/// The names announced in `x-amz-trailer`, lower case, in order.
fn trailer_names(headers: &HeaderMap) -> Result<Vec<String>, S3Error> {
    let names: Vec<String> = headers
        .get_all(AMZ_TRAILER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        return Err(S3Error::bad(
            "InvalidRequest",
            "a body with a trailer must name it in x-amz-trailer",
        ));
    }
    Ok(names)
}

/// (name, value) lengths of trailers whose value has a known size; `None` if one is unknown.
fn trailer_lengths(names: &[String]) -> Option<Vec<(usize, usize)>> {
    names.iter().map(|name| Some((name.len(), digest_length(name)?))).collect()
}

/// The Base64 length of a checksum trailer's value.
fn digest_length(name: &str) -> Option<usize> {
    match name.strip_prefix("x-amz-checksum-")? {
        "crc32" | "crc32c" => Some(8),
        "crc64nvme" => Some(12),
        "sha1" => Some(28),
        "sha256" => Some(44),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn request<'a>(headers: &'a HeaderMap, payload: &'a Payload, digest: bool) -> Request<'a> {
        Request { headers, payload, length: Some(9), is_empty: false, has_signed_digest: digest }
    }

    #[test]
    fn a_streaming_body_without_its_decoded_length_is_refused_as_s3_does() {
        let error = plan(&request(&HeaderMap::new(), &Payload::Chunked, false), PayloadMode::Auto);
        assert_eq!(error.unwrap_err().code, "MissingContentLength");
    }

    #[test]
    fn chunk_signatures_are_skipped_only_under_a_signed_digest() {
        let mut headers = HeaderMap::new();
        headers.insert(DECODED_LENGTH, HeaderValue::from_static("5"));
        let checked =
            plan(&request(&headers, &Payload::Chunked, false), PayloadMode::Auto).unwrap();
        assert_eq!(checked, Plan::Decode { decoded: 5, trust: Trust::ChunkSignatures });
        let trusted = plan(&request(&headers, &Payload::Chunked, true), PayloadMode::Auto).unwrap();
        assert_eq!(trusted, Plan::Decode { decoded: 5, trust: Trust::SignedDigest });
    }

    #[test]
    fn a_trailer_of_unknown_size_has_no_wire_length() {
        let known = Plan::Reframe { decoded: 5, trailers: vec!["x-amz-checksum-crc32".to_owned()] };
        assert!(known.wire_length().is_some());
        let unknown = Plan::Reframe { decoded: 5, trailers: vec!["x-amz-checksum-new".to_owned()] };
        assert_eq!(unknown.wire_length(), None);
    }
}
