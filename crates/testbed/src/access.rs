// SPDX-License-Identifier: Apache-2.0
//! S3's rules around a signature that s3s leaves to its user: who the key is, whether its time is
//! over, whether the session token fits, and that every `x-amz-*` header was signed.
//!
//! Answers as S3 gives them:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.

use std::sync::Arc;

use http::{HeaderMap, Uri};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::host::{S3Host, VirtualHost};
use s3s::{S3Error, S3ErrorCode, S3Result};

use crate::keyring::{Keyring, Refusal};
use crate::rights;
use crate::shelf::Shelf;

const TOKEN: &str = "x-amz-security-token";

/// Looks keys up, and judges what came with them.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) shelf: Arc<Shelf>,
}

impl Access {
    /// Whether the pair may do this. Who may not list is not told that a key is missing.
    fn allowed(&self, access_key: &str, cx: &S3AccessContext<'_>) -> S3Result<()> {
        let Some(grants) = self.keyring.grants(access_key) else { return Ok(()) };
        let (operation, object) = (cx.s3_op().name(), cx.s3_path().as_object());
        let key = object.map(|(_, key)| key).unwrap_or_default();
        let is_told =
            || rights::may_list(&grants) || !operation_reads(operation) || self.is_there(object);
        if rights::allow(&grants, operation, key) && is_told() {
            return Ok(());
        }
        Err(S3Error::with_message(S3ErrorCode::AccessDenied, "Access Denied"))
    }

    fn is_there(&self, object: Option<(&str, &str)>) -> bool {
        object.is_none_or(|(bucket, key)| self.shelf.get(bucket, key).is_ok())
    }
}

fn operation_reads(operation: &str) -> bool {
    matches!(operation, "GetObject" | "HeadObject")
}

#[async_trait::async_trait]
impl S3Auth for Access {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        self.keyring.secret(access_key).map(SecretKey::from).map_err(refusal)
    }
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(credentials) = cx.credentials() else {
            return Err(S3Error::with_message(S3ErrorCode::AccessDenied, "Access Denied"));
        };
        let in_query = query_value(cx.uri(), "X-Amz-Security-Token");
        let given = match (&in_query, cx.headers().get(TOKEN)) {
            (Some(token), _) => Some(token.as_bytes()),
            (None, header) => header.map(http::HeaderValue::as_bytes),
        };
        self.keyring.check_token(&credentials.access_key, given).map_err(refusal)?;
        let access_key = credentials.access_key.clone();
        match unsigned_header(cx.headers(), cx.uri()) {
            None => self.allowed(&access_key, cx),
            Some(name) => Err(S3Error::with_message(
                S3ErrorCode::AccessDenied,
                format!("There were headers present in the request which were not signed: {name}"),
            )),
        }
    }
}

fn refusal(refusal: Refusal) -> S3Error {
    let (code, message) = match refusal {
        Refusal::Unknown => (
            S3ErrorCode::InvalidAccessKeyId,
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        Refusal::Expired => (S3ErrorCode::ExpiredToken, "The provided token has expired."),
        Refusal::WrongToken => {
            (S3ErrorCode::InvalidToken, "The provided token is malformed or otherwise invalid.")
        }
    };
    S3Error::with_message(code, message)
}

/// The first `x-amz-*` header, or Content-MD5, that a request carries without having signed it.
fn unsigned_header(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let signed = match query_value(uri, "X-Amz-SignedHeaders") {
        Some(signed) => signed,
        None => {
            let authorization = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
            let (_, rest) = authorization.split_once("SignedHeaders=")?;
            rest.split([',', ' ']).next()?.to_owned()
        }
    };
    let must = |name: &&str| name.starts_with("x-amz-") || *name == "content-md5";
    // A presigned request's hash is its body's, which was not known when it was signed.
    let presigned = uri.query().is_some_and(|query| query.contains("X-Amz-Signature="));
    headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(must)
        .filter(|name| !(presigned && *name == "x-amz-content-sha256"))
        .find(|name| !signed.split(';').any(|one| one == *name))
        .map(str::to_owned)
}

/// The access key that a request names, in its header or in its query.
pub(crate) fn named_access_key(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let scope = credential_scope(headers, uri)?;
    scope.split('/').next().map(str::to_owned)
}

/// `AKIA…/20261121/us-east-1/s3/aws4_request`, from the header or from the query.
pub(crate) fn credential_scope(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    if let Some(scope) = query_value(uri, "X-Amz-Credential") {
        return Some(scope);
    }
    let authorization = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (_, rest) = authorization.split_once("Credential=")?;
    rest.split([',', ' ']).next().map(str::to_owned)
}

/// A query parameter's first value, decoded.
pub(crate) fn query_value(uri: &Uri, name: &str) -> Option<String> {
    let pair = uri.query()?.split('&').find_map(|pair| match pair.split_once('=') {
        Some((key, value)) if key == name => Some(value),
        _ => None,
    })?;
    Some(percent_decoded(pair))
}

pub(crate) fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escape = (byte == b'%').then(|| tail.get(..2)).flatten();
        let value = escape
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match value {
            Some(value) => {
                out.push(value);
                rest = &tail[2..];
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Both addressing styles: `bucket.s3.test` and `bucket.localhost` name a bucket, all else is
/// path style.
pub(crate) struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        for domain in [".s3.test", ".localhost"] {
            if let Some(bucket) = name.strip_suffix(domain) {
                return Ok(VirtualHost::new(&domain[1..]).with_bucket(bucket));
            }
        }
        Ok(VirtualHost::new(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_key_is_found_in_header_and_query() {
        let mut headers = HeaderMap::new();
        let plain = Uri::from_static("/b/k");
        assert_eq!(named_access_key(&headers, &plain), None);
        let value = "AWS4-HMAC-SHA256 Credential=AKIAX/20261121/r/s3/aws4_request, \
                     SignedHeaders=host;x-amz-date, Signature=00";
        headers.insert("authorization", value.parse().unwrap());
        assert_eq!(named_access_key(&headers, &plain).as_deref(), Some("AKIAX"));
        let query = Uri::from_static("/b/k?X-Amz-Credential=ASIAY%2F20261121%2Fr%2Fs3");
        assert_eq!(named_access_key(&HeaderMap::new(), &query).as_deref(), Some("ASIAY"));
    }

    #[test]
    fn an_amz_header_that_was_not_signed_is_named() {
        let mut headers = HeaderMap::new();
        let value = "AWS4-HMAC-SHA256 Credential=A/d/r/s3/aws4_request,\
                     SignedHeaders=host;x-amz-date,Signature=00";
        headers.insert("authorization", value.parse().unwrap());
        headers.insert("x-amz-date", "20261121T000000Z".parse().unwrap());
        headers.insert("user-agent", "any".parse().unwrap());
        let uri = Uri::from_static("/b/k");
        assert_eq!(unsigned_header(&headers, &uri), None);
        headers.insert("x-amz-meta-a", "1".parse().unwrap());
        assert_eq!(unsigned_header(&headers, &uri).as_deref(), Some("x-amz-meta-a"));
    }

    #[test]
    fn a_bucket_in_the_host_name_is_found_and_other_names_mean_path_style() {
        let bucket = |host| Hosts.parse_host_header(host).unwrap().bucket().map(str::to_owned);
        assert_eq!(bucket("one.two.s3.test:9000").as_deref(), Some("one.two"));
        assert_eq!(bucket("localhost:9000"), None);
        assert_eq!(bucket("s3.test"), None);
    }
}
