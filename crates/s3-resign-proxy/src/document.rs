// SPDX-License-Identifier: Apache-2.0
//! The container-credentials document, for SDKs that refresh by themselves.
//!
//! Form: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>. It
//! hands out the full credential, so it excludes every limiting flag.

use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use bytes::Bytes;
use credential::{Held, Live};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::json;

use crate::body::BoxedBody;
use crate::caller::Caller;

/// No bucket's name begins with a dot, so no object is hidden by it.
pub(crate) const PATH: &str = "/.pilotfish/credentials";

/// The document and who may read it.
pub(crate) struct Document {
    caller: Arc<Caller>,
}

impl Document {
    pub(crate) fn new(caller: Arc<Caller>) -> Self {
        Self { caller }
    }

    pub(crate) fn is_asked_for(&self, parts: &Parts) -> bool {
        parts.method == Method::GET && parts.uri.path() == PATH
    }

    /// The held set, to the bearer of the callers' token.
    pub(crate) fn answer(&self, parts: &Parts, live: &Live) -> Response<BoxedBody> {
        if !self.is_known(parts) {
            return plain(
                StatusCode::UNAUTHORIZED,
                json!({"code": "Unauthorized", "message": "the authorization token is not the one this proxy gave its callers"}),
            );
        }
        match live.current() {
            Some(held) => plain(StatusCode::OK, document(&held)),
            None => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                json!({"code": "Unavailable", "message": "no valid credentials at this moment"}),
            ),
        }
    }

    fn is_known(&self, parts: &Parts) -> bool {
        let Some(given) = parts.headers.get(AUTHORIZATION) else { return false };
        self.caller.secrets().iter().any(|secret| {
            verify_slices_are_equal(given.as_bytes(), secret.expose().as_bytes()).is_ok()
        })
    }
}

/// SDKs want an expiry: a set without one is read again after an hour.
fn document(held: &Held) -> serde_json::Value {
    let credential = &held.credential;
    let expires = credential
        .expires
        .unwrap_or_else(|| SystemTime::now() + std::time::Duration::from_secs(3600));
    json!({
        "AccessKeyId": credential.access_key_id,
        "SecretAccessKey": credential.secret_access_key.expose(),
        "Token": credential.session_token.as_ref().map(|token| token.expose()),
        "Expiration": humantime::format_rfc3339_seconds(expires).to_string(),
    })
}

fn plain(status: StatusCode, value: serde_json::Value) -> Response<BoxedBody> {
    let body = Full::new(Bytes::from(value.to_string()));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
