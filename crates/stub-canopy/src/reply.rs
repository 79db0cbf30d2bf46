// SPDX-License-Identifier: Apache-2.0
//! Answers, whole and broken.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use serde_json::{Value, json};

/// What a refusal says: RFC 7807.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    retry_after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: &str) -> Self {
        Self { status, detail: detail.to_owned(), retry_after: None }
    }

    pub(crate) fn with_retry_after(mut self, seconds: Option<u64>) -> Self {
        self.retry_after = seconds;
        self
    }
}

/// A success.
#[derive(Debug, Clone)]
pub(crate) enum Success {
    /// 200 with this document.
    Document(Value),
    /// 204.
    Nothing,
    /// 204 for a report that was taken before.
    Again,
}

/// A success or a refusal.
pub(crate) type Answer = Result<Success, Problem>;

/// The answer on the wire.
pub(crate) fn response(answer: Answer) -> Response<Payload> {
    match answer {
        Ok(Success::Document(document)) => with_json(StatusCode::OK, &document, "application/json"),
        Ok(Success::Nothing) => empty(),
        Ok(Success::Again) => {
            let mut response = empty();
            let marker = HeaderValue::from_static("true");
            response.headers_mut().insert("idempotent-replayed", marker);
            response
        }
        Err(problem) => refusal(&problem),
    }
}

fn refusal(problem: &Problem) -> Response<Payload> {
    let title = problem.status.canonical_reason().unwrap_or("Problem");
    let document = json!({
        "type": format!("/errors/{}", title.to_ascii_lowercase().replace(' ', "-")),
        "title": title,
        "status": problem.status.as_u16(),
        "detail": problem.detail,
    });
    let mut response = with_json(problem.status, &document, "application/problem+json");
    if let Some(seconds) = problem.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The same answer, cut: it promises more than it sends.
pub(crate) fn half(whole: Response<Payload>) -> Response<Payload> {
    let (mut parts, payload) = whole.into_parts();
    let bytes = match payload {
        Payload::Whole(Some(bytes)) if bytes.len() > 1 => bytes,
        _ => Bytes::from_static(b"{ }"),
    };
    if parts.status == StatusCode::NO_CONTENT {
        parts.status = StatusCode::OK;
    }
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let cut = bytes.slice(..bytes.len() / 2);
    Response::from_parts(parts, Payload::Half(Cut::Bytes(cut)))
}

fn with_json(status: StatusCode, document: &Value, kind: &'static str) -> Response<Payload> {
    let mut response = Response::new(Payload::Whole(Some(Bytes::from(document.to_string()))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn empty() -> Response<Payload> {
    let mut response = Response::new(Payload::Whole(None));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// A body that may end early.
#[derive(Debug)]
pub(crate) enum Payload {
    Whole(Option<Bytes>),
    Half(Cut),
}

#[derive(Debug)]
pub(crate) enum Cut {
    Bytes(Bytes),
    /// The connection sends what it holds before it asks again.
    Flush,
    End,
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let cut = match self.get_mut() {
            Self::Whole(bytes) => return Poll::Ready(bytes.take().map(|it| Ok(Frame::data(it)))),
            Self::Half(cut) => cut,
        };
        match std::mem::replace(cut, Cut::Flush) {
            Cut::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Cut::Flush => {
                *cut = Cut::End;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Cut::End => Poll::Ready(Some(Err(io::Error::other("cut as the script says")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Half(_) => SizeHint::default(),
        }
    }
}
