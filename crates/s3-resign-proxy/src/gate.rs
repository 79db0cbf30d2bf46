// SPDX-License-Identifier: Apache-2.0
//! Who may pass: the caller's signature, checked before anything is sent or read.

use std::time::SystemTime;

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, StatusCode};
use sigv4::{
    CanonicalPath, KeyCache, Payload, Presented, Query, Refused, Seed, SigningKey, Timestamp,
    VerifyError,
};
use std::sync::Arc;

use crate::caller::Caller;
use crate::s3_error::S3Error;

/// A request whose signature is proven.
pub(crate) struct Admitted {
    pub(crate) path: CanonicalPath,
    /// Without the parameters of a presigned URL.
    pub(crate) query: Query,
    pub(crate) payload: Payload,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) seed: Seed,
    signed_headers: Vec<String>,
}

impl Admitted {
    /// Whether the caller signed this header (lower case).
    pub(crate) fn is_signed(&self, name: &str) -> bool {
        self.signed_headers.iter().any(|signed| signed == name)
    }
}

/// Checks callers. The keys it derives are cached per day.
pub(crate) struct Gate {
    caller: Arc<Caller>,
    keys: KeyCache,
}

const METHODS: [Method; 5] = [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE];

impl Gate {
    pub(crate) fn new(caller: Arc<Caller>) -> Self {
        Self { caller, keys: KeyCache::new(8) }
    }

    /// Proves the caller's signature, or says in S3's words why not.
    pub(crate) fn admit(&self, parts: &Parts) -> Result<Admitted, S3Error> {
        if is_post_form(parts) {
            return Err(S3Error::not_implemented(
                "browser POST uploads are not supported: their policy carries the credential itself",
            ));
        }
        if !METHODS.contains(&parts.method) {
            return Err(S3Error::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                format!("the method {} is not allowed against this resource", parts.method),
            ));
        }
        let path = CanonicalPath::from_wire(parts.uri.path().as_bytes());
        let query = Query::from_wire(parts.uri.query().unwrap_or_default().as_bytes());
        let presented = sigv4::presented(&query, &parts.headers).map_err(refused)?;
        self.verify(parts, path, query, &presented)
    }

    fn verify(
        &self,
        parts: &Parts,
        path: CanonicalPath,
        mut query: Query,
        presented: &Presented,
    ) -> Result<Admitted, S3Error> {
        if presented.access_key_id() != self.caller.access_key_id() {
            return Err(S3Error::new(
                StatusCode::FORBIDDEN,
                "InvalidAccessKeyId",
                "the access key id is not the one this proxy gave its callers",
            ));
        }
        let now = Timestamp::from_system_time(SystemTime::now());
        let mut last = VerifyError::SignatureMismatch;
        for secret in self.caller.secrets() {
            let secret = secret.expose().as_bytes();
            let request = sigv4::Received {
                method: &parts.method,
                path: &path,
                query: &query,
                headers: &parts.headers,
            };
            match sigv4::verify(presented, &request, secret, &self.keys, now) {
                Ok(verified) => {
                    let signed_headers =
                        presented.signed_headers().iter().map(|name| (*name).to_owned()).collect();
                    remove_presigned(&mut query);
                    let sigv4::Verified { seed, key, payload } = verified;
                    return Ok(Admitted { path, query, payload, key, seed, signed_headers });
                }
                Err(error) => last = error,
            }
        }
        Err(unverified(&last))
    }
}

/// A form upload carries its signature in the body.
fn is_post_form(parts: &Parts) -> bool {
    let form = parts
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"multipart/form-data"));
    parts.method == Method::POST && form
}

fn remove_presigned(query: &mut Query) {
    for name in [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
    ] {
        query.remove(name);
    }
}

fn refused(refused: Refused) -> S3Error {
    match refused {
        Refused::Anonymous => S3Error::denied(
            "the request is not signed; sign it with the pair that this proxy wrote for its callers",
        ),
        Refused::SigV2 => S3Error::bad(
            "InvalidRequest",
            "the authorization mechanism (SigV2) is not supported, use AWS4-HMAC-SHA256",
        ),
        Refused::SigV4a => S3Error::not_implemented(
            "SigV4A (AWS4-ECDSA-P256-SHA256) is not supported, use AWS4-HMAC-SHA256 and a regional endpoint",
        ),
        Refused::Express => S3Error::not_implemented(
            "S3 Express (directory buckets, s3express scope) is not supported by this proxy",
        ),
        Refused::Both => S3Error::bad(
            "InvalidArgument",
            "only one auth mechanism allowed: the Authorization header or the X-Amz- query parameters",
        ),
        Refused::Malformed(why) => S3Error::bad("AuthorizationHeaderMalformed", why),
        Refused::MalformedQuery(why) => S3Error::bad("AuthorizationQueryParametersError", why),
    }
}

fn unverified(error: &VerifyError) -> S3Error {
    let forbidden = |code, message: String| S3Error::new(StatusCode::FORBIDDEN, code, message);
    match error {
        VerifyError::SignatureMismatch => forbidden(
            "SignatureDoesNotMatch",
            "the request signature we calculated does not match the signature you provided: check the caller's secret key".to_owned(),
        ),
        VerifyError::RequestTimeTooSkewed { .. } => forbidden("RequestTimeTooSkewed", error.to_string()),
        VerifyError::Expired | VerifyError::HeadersNotSigned(_) => {
            forbidden("AccessDenied", error.to_string())
        }
        VerifyError::MissingContentSha256 => S3Error::bad("InvalidRequest", error.to_string()),
        VerifyError::InvalidContentSha256(_) => S3Error::bad("InvalidArgument", error.to_string()),
        VerifyError::Malformed(_) => S3Error::bad("AuthorizationHeaderMalformed", error.to_string()),
    }
}
