// SPDX-License-Identifier: Apache-2.0
//! Reads the store's answer: what passes to the caller, and what only this proxy can mend.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::body::{BoxError, BoxedBody};
use crate::headers::BUCKET_REGION;
use crate::traffic::Traffic;

/// Error bodies are small; a larger one is not an error body.
const ERROR_BODY: usize = 64 * 1024;
const ERROR_TIME: Duration = Duration::from_secs(10);
/// Beyond this the store refuses signatures (S3: 15 minutes).
const SKEW_SECONDS: u64 = 14 * 60;
/// kopia gives a run up when it reads this.
pub(crate) const FATAL_PHRASE: &str = "The provided token has expired";

/// The store's answer.
pub(crate) enum Answer {
    /// For the caller, as it is.
    Relay(Reply),
    /// The held credentials are no longer taken.
    Stale,
    /// A HEAD that failed with 400, as an expired token does, and without a body to say so.
    Unclear(Reply),
    /// The clocks differ: the store's less ours, in seconds.
    Skewed { offset: i64 },
    /// The bucket lives elsewhere.
    OtherRegion { name: String, reply: Reply },
}

/// An answer that can be passed on: streaming, or an error body that was read.
pub(crate) enum Reply {
    /// With the first slice of the body, where it was awaited.
    Streaming(Box<Response<Incoming>>, Option<Bytes>),
    Read(Box<Response<BoxedBody>>),
}

/// Awaits the first slice of an answer whose head has come, so that a connection that breaks in
/// between is one more failed attempt and not a broken answer.
pub(crate) async fn first_slice(
    response: &mut Response<Incoming>,
) -> Result<Option<Bytes>, hyper::Error> {
    while !response.body().is_end_stream() {
        match response.body_mut().frame().await.transpose()?.map(Frame::into_data) {
            Some(Ok(data)) if data.is_empty() => {}
            Some(Ok(data)) => return Ok(Some(data)),
            Some(Err(_trailers)) => {}
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Looks at the head, and into the body of an error. A body that breaks off says nothing that could be
/// passed on or acted upon: `Err` is why, and the answer counts as none.
pub(crate) async fn read(
    response: Response<Incoming>,
    method: &Method,
    traffic: &Traffic,
) -> Result<Answer, String> {
    if !may_be_ours(response.status()) {
        return Ok(Answer::Relay(Reply::Streaming(Box::new(response), None)));
    }
    let (mut head, body) = response.into_parts();
    let read = tokio::time::timeout(ERROR_TIME, Limited::new(body, ERROR_BODY).collect()).await;
    let bytes = match read {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            // The head announced a body that is not passed on.
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            Bytes::new()
        }
        Ok(Err(error)) => return Err(format!("an error answer broke off: {error}")),
        Err(_) => return Err("the store fell silent in an error answer".to_owned()),
    };
    traffic.add_received(bytes.len());
    let code = error_code(&bytes);
    if is_stale(&code, &bytes) {
        return Ok(Answer::Stale);
    }
    if let Some(offset) = skew(&head.headers, &code, head.status) {
        return Ok(Answer::Skewed { offset });
    }
    let is_unclear = method == Method::HEAD && head.status == StatusCode::BAD_REQUEST;
    let region = other_region(&head.headers, &bytes);
    let reply = Reply::Read(Box::new(Response::from_parts(head, full(bytes))));
    Ok(match region {
        Some(name) => Answer::OtherRegion { name, reply },
        None if is_unclear => Answer::Unclear(reply),
        None => Answer::Relay(reply),
    })
}

/// Only these statuses can mean that the signature was out of date.
fn may_be_ours(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 307 | 400 | 401 | 403)
}

/// The text between `<Code>` and `</Code>`.
fn error_code(body: &[u8]) -> String {
    between(body, b"<Code>", b"</Code>")
}

fn between(body: &[u8], open: &[u8], close: &[u8]) -> String {
    let find = |bytes: &[u8], wanted: &[u8]| bytes.windows(wanted.len()).position(|w| w == wanted);
    let Some(start) = find(body, open).map(|at| at + open.len()) else { return String::new() };
    let rest = &body[start..];
    let end = find(rest, close).unwrap_or(0);
    String::from_utf8_lossy(&rest[..end]).trim().to_owned()
}

fn is_stale(code: &str, body: &[u8]) -> bool {
    let says_so = matches!(
        code,
        "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired"
    );
    says_so || body.windows(FATAL_PHRASE.len()).any(|window| window == FATAL_PHRASE.as_bytes())
}

/// How far the store's clock is from ours, if that is why it refused.
fn skew(headers: &HeaderMap, code: &str, status: StatusCode) -> Option<i64> {
    let date = headers.get(DATE)?.to_str().ok()?;
    let store = httpdate::parse_http_date(date).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let apart = store.as_secs().abs_diff(ours.as_secs());
    let bare = code.is_empty() && status == StatusCode::FORBIDDEN && apart > SKEW_SECONDS;
    if code != "RequestTimeTooSkewed" && !bare {
        return None;
    }
    let apart = i64::try_from(apart).ok()?;
    Some(if store < ours { -apart } else { apart })
}

/// The region the store names, in its header or in an `AuthorizationHeaderMalformed` body.
fn other_region(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let header = headers.get(BUCKET_REGION).and_then(|value| value.to_str().ok());
    let named = header.map_or_else(|| between(body, b"<Region>", b"</Region>"), str::to_owned);
    let fits = !named.is_empty()
        && named.len() <= 64
        && named.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    fits.then_some(named)
}

fn full(bytes: Bytes) -> BoxedBody {
    Full::new(bytes).map_err(|never| -> BoxError { match never {} }).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phrase_that_ends_a_kopia_run_is_never_relayed() {
        let body =
            b"<Error><Code>Odd</Code><Message>The provided token has expired.</Message></Error>";
        assert!(is_stale("Odd", body));
        assert!(is_stale("ExpiredToken", b""));
        assert!(!is_stale("AccessDenied", b"<Error><Code>AccessDenied</Code></Error>"));
    }

    #[test]
    fn the_clocks_distance_has_a_sign() {
        let mut headers = HeaderMap::new();
        let ahead = SystemTime::now() + Duration::from_secs(3600);
        headers.insert(DATE, HeaderValue::from_str(&httpdate::fmt_http_date(ahead)).unwrap());
        let offset = skew(&headers, "RequestTimeTooSkewed", StatusCode::FORBIDDEN).unwrap();
        assert!((3590..=3610).contains(&offset), "{offset}");
        assert_eq!(skew(&headers, "AccessDenied", StatusCode::FORBIDDEN), None);
        assert!(skew(&headers, "", StatusCode::FORBIDDEN).is_some());
    }

    #[test]
    fn a_region_is_read_from_header_or_body() {
        let mut headers = HeaderMap::new();
        let body =
            b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
        assert_eq!(other_region(&headers, body).as_deref(), Some("eu-west-1"));
        headers.insert(BUCKET_REGION, HeaderValue::from_static("ap-southeast-2"));
        assert_eq!(other_region(&headers, body).as_deref(), Some("ap-southeast-2"));
        headers.insert(BUCKET_REGION, HeaderValue::from_static("x/../y"));
        assert_eq!(other_region(&headers, body), None);
    }
}
