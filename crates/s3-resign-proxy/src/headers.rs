// SPDX-License-Identifier: Apache-2.0
//! Which headers cross the proxy: all, but the ones that belong to one hop or are made anew.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, DATE, EXPECT, HOST, HeaderMap,
    HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};

pub(crate) const DECODED_LENGTH: HeaderName =
    HeaderName::from_static("x-amz-decoded-content-length");
pub(crate) const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
pub(crate) const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
pub(crate) const AMZ_TRAILER: HeaderName = HeaderName::from_static("x-amz-trailer");
pub(crate) const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
pub(crate) const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");
pub(crate) const COPY_SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Headers of one hop, RFC 9110 section 7.6.1, and their historical relatives.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    PROXY_CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Headers that the proxy decides itself when it signs: host, length, time, token, signature.
const MADE_ANEW: [HeaderName; 8] =
    [AUTHORIZATION, CONTENT_LENGTH, DATE, EXPECT, HOST, AMZ_DATE, CONTENT_SHA256, SECURITY_TOKEN];

/// Removes what belongs to one hop, the names listed in `Connection` included.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect();
    for name in listed.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// The caller's headers, ready to be signed again.
pub(crate) fn outbound(mut headers: HeaderMap) -> HeaderMap {
    strip_hop_by_hop(&mut headers);
    for name in &MADE_ANEW {
        headers.remove(name);
    }
    headers
}

/// Removes the framing's marks, as one unit, from a body that is sent decoded.
///
/// `aws-chunked` is a token of `Content-Encoding`; the other tokens describe the object and stay.
pub(crate) fn strip_framing(headers: &mut HeaderMap) {
    headers.remove(DECODED_LENGTH);
    headers.remove(AMZ_TRAILER);
    let kept: Vec<&str> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty() && !token.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    match HeaderValue::from_str(&kept.join(",")) {
        Ok(value) if !kept.is_empty() => {
            headers.insert(CONTENT_ENCODING, value);
        }
        _ => {
            headers.remove(CONTENT_ENCODING);
        }
    }
}

/// Whether the request carries a digest of the whole body that the store itself checks.
///
/// Only headers that the caller signed count: an unsigned one proves nothing about who wrote it.
pub(crate) fn has_signed_digest(headers: &HeaderMap, is_signed: impl Fn(&str) -> bool) -> bool {
    headers.keys().map(HeaderName::as_str).any(|name| is_digest(name) && is_signed(name))
}

/// The digests that S3 checks against the body it received.
fn is_digest(name: &str) -> bool {
    const ALGORITHMS: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];
    name == "content-md5"
        || name.strip_prefix("x-amz-checksum-").is_some_and(|rest| ALGORITHMS.contains(&rest))
}

/// A header's value as an unsigned number; absent, repeated with another value, or no number is `None`.
pub(crate) fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn names_listed_in_connection_do_not_cross() {
        let mut headers = map(&[("connection", "close, X-Hop"), ("x-hop", "1"), ("x-keep", "2")]);
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers, map(&[("x-keep", "2")]));
    }

    #[test]
    fn the_framing_token_goes_and_the_objects_encoding_stays() {
        for (given, kept) in [
            ("aws-chunked", None),
            ("aws-chunked,gzip", Some("gzip")),
            ("gzip, aws-chunked", Some("gzip")),
            ("gzip", Some("gzip")),
        ] {
            let mut headers = map(&[("content-encoding", given), ("x-amz-trailer", "x")]);
            strip_framing(&mut headers);
            assert_eq!(headers.get("content-encoding").map(|v| v.to_str().unwrap()), kept);
            assert!(!headers.contains_key("x-amz-trailer"));
        }
    }

    #[test]
    fn only_a_signed_digest_of_the_body_counts() {
        let headers = map(&[("content-md5", "x"), ("x-amz-checksum-algorithm", "CRC32")]);
        assert!(has_signed_digest(&headers, |name| name == "content-md5"));
        assert!(!has_signed_digest(&headers, |name| name == "x-amz-checksum-algorithm"));
        assert!(!has_signed_digest(&headers, |_| false));
    }

    #[test]
    fn a_length_is_digits_only() {
        assert_eq!(number(&map(&[("x-amz-decoded-content-length", "+5")]), &DECODED_LENGTH), None);
        assert_eq!(
            number(&map(&[("x-amz-decoded-content-length", "5")]), &DECODED_LENGTH),
            Some(5)
        );
    }
}
