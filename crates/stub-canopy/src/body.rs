// SPDX-License-Identifier: Apache-2.0
//! A request's body, decoded.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use crate::reply::Problem;

/// As it comes, and again decoded.
const LIMIT: usize = 8 << 20;

/// All of its bytes, as they came.
pub(crate) async fn read(body: Incoming) -> Result<Bytes, Problem> {
    let whole = Limited::new(body, LIMIT).collect().await;
    whole.map(http_body_util::Collected::to_bytes).map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 8 MiB or cut short")
    })
}

/// The JSON in it.
pub(crate) fn json(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, Problem> {
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|value| {
        value.to_str().is_ok_and(|value| value.split(';').next() == Some("application/json"))
    });
    if !is_json {
        let detail = "the content type is not application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let plain = match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity") => bytes.to_vec(),
        Some(b"gzip") => gunzip(bytes)?,
        Some(_) => {
            let detail = "the content encoding is neither gzip nor identity";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
    };
    serde_json::from_slice(&plain).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, &format!("the body is no JSON: {error}"))
    })
}

fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut plain = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(LIMIT as u64 + 1).read_to_end(&mut plain);
    match read {
        Ok(length) if length <= LIMIT => Ok(plain),
        Ok(_) => Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "more than 8 MiB unpacked")),
        Err(error) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, &format!("the body is no gzip: {error}")))
        }
    }
}
