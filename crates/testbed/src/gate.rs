// SPDX-License-Identifier: Apache-2.0
//! What surrounds the S3 service: the log, the clock's and the region's verdict, S3's own response
//! headers, and answers without a body where HTTP allows none.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::{SignedDuration, Timestamp};
use s3s::service::S3Service;

use crate::access::{credential_scope, named_access_key, query_value};
use crate::holds::Holds;
use crate::ledger::{Ledger, Seen};
use crate::leg::Leg;
use crate::tap::{Hold, RequestTap, ResponseTap, Unread, Watch};

/// S3 refuses a request that is further than this from its own time.
const SKEW_LIMIT: SignedDuration = SignedDuration::from_mins(15);

type AnyBody = UnsyncBoxBody<Bytes, s3s::StdError>;

/// The outer face of the store.
pub(crate) struct Gate {
    pub(crate) service: S3Service,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) hold: Hold,
    pub(crate) holds: Holds,
    pub(crate) region: Option<String>,
    /// Seconds by which the store's clock is ahead.
    pub(crate) skew_secs: Arc<AtomicI64>,
    pub(crate) serial: AtomicU64,
}

/// Serves one connection until its peer ends it.
pub(crate) async fn serve(gate: Arc<Gate>, leg: Leg) {
    let service = hyper::service::service_fn(move |request| {
        let gate = Arc::clone(&gate);
        async move { Ok::<_, Infallible>(gate.answer(request).await) }
    });
    // A connection that breaks is its peer's affair; what was asked on it is in the log.
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(leg), service)
        .await
        .ok();
}

impl Gate {
    async fn answer(&self, request: Request<Incoming>) -> Response<AnyBody> {
        let watch = Arc::new(Watch::default());
        let mut entry = Entry::new(&self.ledger, &request, Arc::clone(&watch));
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let sent = request.body().size_hint().lower();
        let turn = self.holds.pass(&path).await;
        let response = match self.verdict(&request) {
            Some(refusal) => refusal.map(s3s::Body::from),
            None => self.serve_s3(request, watch).await,
        };
        entry.seen.error = error_code(&response);
        entry.seen.status = Some(response.status());
        drop(entry);
        self.holds.moved(&path, sent + response.body().size_hint().lower());
        drop(turn);
        self.dressed(&method, response)
    }

    async fn serve_s3(&self, request: Request<Incoming>, watch: Arc<Watch>) -> Response<s3s::Body> {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(Arc::clone(&watch));
        let waits = parts.headers.contains_key(header::EXPECT);
        let unread = if waits { Unread::Leave } else { Unread::ReadAway };
        let body = s3s::Body::http_body(RequestTap::new(body, watch, unread));
        match self.service.call(Request::from_parts(parts, body)).await {
            Ok(response) => response,
            Err(_) => error_xml(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "", "")
                .map(s3s::Body::from),
        }
    }

    /// What S3 says before it looks at a signature.
    fn verdict(&self, request: &Request<Incoming>) -> Option<Response<Bytes>> {
        let (headers, uri) = (request.headers(), request.uri());
        let scope = credential_scope(headers, uri)?;
        if let (Some(right), Some(given)) = (&self.region, scope.split('/').nth(2))
            && right != given
        {
            let message = format!(
                "The authorization header is malformed; the region '{given}' is wrong; \
                 expecting '{right}'"
            );
            let more = format!("<Region>{right}</Region>");
            let code = "AuthorizationHeaderMalformed";
            let mut answer = error_xml(StatusCode::BAD_REQUEST, code, &message, &more);
            let value = HeaderValue::from_str(right).ok()?;
            answer.headers_mut().insert("x-amz-bucket-region", value);
            return Some(answer);
        }
        let asked = match headers.get("x-amz-date") {
            Some(date) => date.to_str().ok()?.to_owned(),
            None => query_value(uri, "X-Amz-Date")?,
        };
        let presigned = !headers.contains_key("x-amz-date");
        self.skewed(&asked, presigned)
    }

    fn skewed(&self, asked: &str, presigned: bool) -> Option<Response<Bytes>> {
        let asked = amz_date(asked)?;
        let now = self.now();
        let ahead = asked.duration_since(now);
        let too_far = if presigned { ahead > SKEW_LIMIT } else { ahead.abs() > SKEW_LIMIT };
        too_far.then(|| {
            let message = "The difference between the request time and the current time is too \
                           large.";
            let more = format!(
                "<RequestTime>{asked}</RequestTime><ServerTime>{now}</ServerTime>\
                 <MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>"
            );
            error_xml(StatusCode::FORBIDDEN, "RequestTimeTooSkewed", message, &more)
        })
    }

    fn now(&self) -> Timestamp {
        let skew = SignedDuration::from_secs(self.skew_secs.load(Ordering::Relaxed));
        Timestamp::now().saturating_add(skew).unwrap_or(Timestamp::MAX)
    }

    fn dressed(&self, method: &Method, response: Response<s3s::Body>) -> Response<AnyBody> {
        let (mut parts, body) = response.into_parts();
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let id = HeaderValue::from_str(&format!("TESTBED{serial:09X}"));
        let date = self.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        parts.headers.insert(header::SERVER, HeaderValue::from_static("AmazonS3"));
        parts.headers.extend(id.ok().map(|id| (ID.clone(), id)));
        parts.headers.extend(HeaderValue::from_str(&date).ok().map(|date| (header::DATE, date)));
        let bodiless = parts.status.is_client_error() && method == Method::HEAD
            || matches!(parts.status, StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT);
        if bodiless {
            parts.headers.remove(header::CONTENT_LENGTH);
            return Response::from_parts(parts, empty());
        }
        let body = ResponseTap::new(body, self.ledger.sent_bytes(), self.hold);
        Response::from_parts(parts, body.boxed_unsync())
    }
}

static ID: http::HeaderName = http::HeaderName::from_static("x-amz-request-id");

/// A request's line in the log; it is written at the answer, or when the caller went away.
struct Entry<'a> {
    ledger: &'a Ledger,
    watch: Arc<Watch>,
    seen: Seen,
}

impl<'a> Entry<'a> {
    fn new(ledger: &'a Ledger, request: &Request<Incoming>, watch: Arc<Watch>) -> Entry<'a> {
        let (headers, uri) = (request.headers(), request.uri());
        let target = uri.path_and_query().map_or_else(String::new, |target| target.to_string());
        let seen = Seen {
            method: request.method().clone(),
            target,
            headers: headers.clone(),
            access_key: named_access_key(headers, uri),
            status: None,
            error: None,
            body_bytes: 0,
        };
        Entry { ledger, watch, seen }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.seen.body_bytes = self.watch.bytes();
        self.ledger.record(self.seen.clone());
    }
}

fn empty() -> AnyBody {
    Full::new(Bytes::new()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// An error as S3 words it.
pub(crate) fn error_xml(
    status: StatusCode,
    code: &str,
    message: &str,
    more: &str,
) -> Response<Bytes> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
         <Message>{message}</Message>{more}<RequestId>TESTBED</RequestId></Error>"
    );
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml);
    response
}

fn error_code(response: &Response<s3s::Body>) -> Option<String> {
    if response.status().as_u16() < 400 {
        return None;
    }
    let body = response.body().bytes()?;
    let text = std::str::from_utf8(&body).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code.to_owned())
}

/// `20261121T050000Z` in UTC.
fn amz_date(text: &str) -> Option<Timestamp> {
    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text)
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}
