// SPDX-License-Identifier: Apache-2.0
//! What a body must amount to before it may be stored: its length, its end, its digests.
//!
//! s3s accepts a chunk stream that stops without its empty last chunk, one that is shorter than
//! `x-amz-decoded-content-length`, and one without the trailer it announced; S3 refuses all three.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders};

use crate::attributes::Checksums;
use crate::tap::Watch;

const SIGNED_CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

/// The digests that run along with a body.
pub(crate) struct Digest {
    md5: Md5,
    checksums: ChecksumHasher,
    bytes: u64,
}

/// What a request says of its body.
pub(crate) struct Claims {
    headers: HeaderMap,
    watch: Option<Arc<Watch>>,
    trailers: Option<TrailingHeaders>,
}

/// What a body came to.
pub(crate) struct Sum {
    pub(crate) md5: [u8; 16],
    pub(crate) checksums: Checksums,
    pub(crate) bytes: u64,
}

impl Claims {
    pub(crate) fn new(
        headers: HeaderMap,
        extensions: &http::Extensions,
        trailers: Option<TrailingHeaders>,
    ) -> Claims {
        Claims { headers, watch: extensions.get::<Arc<Watch>>().cloned(), trailers }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A digest is computed where one is claimed, in a header or in a trailer to come.
    pub(crate) fn digest(&self) -> Digest {
        let trailers = self.header("x-amz-trailer").unwrap_or_default();
        let claimed = |name: &str| {
            self.headers.contains_key(name) || trailers.split(',').any(|one| one.trim() == name)
        };
        let checksums = ChecksumHasher {
            crc32: claimed("x-amz-checksum-crc32").then(Default::default),
            crc32c: claimed("x-amz-checksum-crc32c").then(Default::default),
            sha1: claimed("x-amz-checksum-sha1").then(Default::default),
            sha256: claimed("x-amz-checksum-sha256").then(Default::default),
            crc64nvme: claimed("x-amz-checksum-crc64nvme").then(Default::default),
        };
        Digest { md5: Md5::new(), checksums, bytes: 0 }
    }

    /// Holds the finished digest against every claim.
    pub(crate) fn check(&self, digest: Digest) -> S3Result<Sum> {
        let bytes = digest.bytes;
        self.check_framing(bytes)?;
        let md5 = digest.md5.finalize();
        if let Some(claimed) = self.header("content-md5") {
            match STANDARD.decode(claimed) {
                Ok(claimed) if claimed == md5 => {}
                Ok(claimed) if claimed.len() == 16 => return Err(bad_digest("Content-MD5")),
                _ => return Err(S3Error::new(S3ErrorCode::InvalidDigest)),
            }
        }
        let sums = digest.checksums.finalize();
        let checksums = Checksums {
            crc32: sums.checksum_crc32,
            crc32c: sums.checksum_crc32c,
            crc64nvme: sums.checksum_crc64nvme,
            sha1: sums.checksum_sha1,
            sha256: sums.checksum_sha256,
        };
        self.check_checksums(&checksums)?;
        Ok(Sum { md5, checksums, bytes })
    }

    fn check_framing(&self, bytes: u64) -> S3Result<()> {
        let form = self.header("x-amz-content-sha256").unwrap_or_default();
        if !form.starts_with("STREAMING-") {
            return Ok(());
        }
        let decoded = self.header("x-amz-decoded-content-length").and_then(|n| n.parse().ok());
        if decoded != Some(bytes) {
            return Err(incomplete());
        }
        let ended = form != SIGNED_CHUNKS
            || self.watch.as_ref().is_none_or(|watch| watch.ends_in_last_chunk());
        if ended { Ok(()) } else { Err(incomplete()) }
    }

    fn check_checksums(&self, sums: &Checksums) -> S3Result<()> {
        let trailers = self.trailers.as_ref().and_then(TrailingHeaders::take);
        for announced in self.headers.get_all("x-amz-trailer") {
            for name in announced.to_str().unwrap_or_default().split(',').map(str::trim) {
                if !trailers.as_ref().is_some_and(|trailers| trailers.contains_key(name)) {
                    return Err(custom("MalformedTrailerError", "an announced trailer is missing"));
                }
            }
        }
        for (name, sum) in [
            ("x-amz-checksum-crc32", &sums.crc32),
            ("x-amz-checksum-crc32c", &sums.crc32c),
            ("x-amz-checksum-crc64nvme", &sums.crc64nvme),
            ("x-amz-checksum-sha1", &sums.sha1),
            ("x-amz-checksum-sha256", &sums.sha256),
        ] {
            let trailer = trailers.as_ref().and_then(|trailers| trailers.get(name));
            let claimed = trailer.or_else(|| self.headers.get(name));
            let claimed = claimed.and_then(|value| value.to_str().ok());
            if claimed.is_some() && claimed != sum.as_deref() {
                return Err(bad_digest(name));
            }
        }
        Ok(())
    }
}

impl Digest {
    pub(crate) fn update(&mut self, data: &[u8]) {
        self.md5.update(data);
        self.checksums.update(data);
        self.bytes += data.len() as u64;
    }
}

fn bad_digest(name: &str) -> S3Error {
    let message = format!("The {name} you specified did not match the calculated checksum.");
    S3Error::with_message(S3ErrorCode::BadDigest, message)
}

fn incomplete() -> S3Error {
    let message = "The request body terminated unexpectedly";
    S3Error::with_message(S3ErrorCode::IncompleteBody, message)
}

/// A body that failed on its way, in S3's words; s3s keeps its error types to itself, so their
/// names are all there is to tell them by.
pub(crate) fn broken_body(error: &s3s::StdError) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        return custom("XAmzContentSHA256Mismatch", text);
    }
    let code = if text.contains("SignatureMismatch") {
        S3ErrorCode::SignatureDoesNotMatch
    } else if text.contains("FormatError") || text.contains("TooLarge") {
        S3ErrorCode::InvalidRequest
    } else {
        S3ErrorCode::IncompleteBody
    };
    S3Error::with_message(code, text)
}

/// A code that S3 has and s3s has not.
fn custom(code: &'static str, message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(http::StatusCode::BAD_REQUEST);
    error
}
