// SPDX-License-Identifier: Apache-2.0
//! Answers in S3's own error form, so that every client's retry logic understands them.
//!
//! Source of the codes: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use quick_xml::escape::escape;

use crate::answer::FATAL_PHRASE;
use crate::body::BoxedBody;

/// The id S3 clients print with an error.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");

const SLOW_DOWN: &str = "SlowDown";

/// What happens to the caller's connection after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    /// The request was read to its end: the connection lives on.
    Keep,
    /// Bytes of the request may still be under way: close after the answer.
    Close,
}

/// One error in S3's form.
#[derive(Debug, Clone)]
pub(crate) struct S3Error {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) connection: Connection,
}

impl S3Error {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), connection: Connection::Keep }
    }

    /// 403: who asks is known, what is asked is not allowed.
    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    /// 400 with a code of its own.
    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 501: a form that is out of scope.
    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    /// 503 SlowDown: every S3 client waits a little and sends the request again.
    pub(crate) fn slow_down(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, SLOW_DOWN, message)
    }

    /// Whether the caller is to send the request again.
    pub(crate) fn is_slow_down(&self) -> bool {
        self.code == SLOW_DOWN
    }

    pub(crate) fn closing(mut self) -> Self {
        self.connection = Connection::Close;
        self
    }

    /// The whole response; HEAD gets the head alone.
    pub(crate) fn response(&self, method: &Method, resource: &str) -> Response<BoxedBody> {
        let id = request_id();
        let xml = Bytes::from(self.xml(resource, &id));
        let length = xml.len();
        let body = if method == Method::HEAD { Bytes::new() } else { xml };
        let mut response =
            Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        if let Ok(value) = HeaderValue::from_str(&id) {
            headers.insert(REQUEST_ID, value);
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.connection == Connection::Close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn xml(&self, resource: &str, id: &str) -> String {
        // A broker that passes an issuer's words on may say it of a token of its own.
        let message = self.message.replace(FATAL_PHRASE, "the given token has run out");
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message><Resource>{}</Resource><RequestId>{id}</RequestId></Error>",
            self.code,
            escape(message.as_str()),
            escape(resource),
        )
    }
}

/// Sixteen upper-case hex digits, as S3's request ids look.
fn request_id() -> String {
    let mut bytes = [0_u8; 8];
    // Without randomness the id is a row of zeros: still a valid answer.
    let _ = getrandom::fill(&mut bytes);
    hex::encode_upper(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_error_is_xml_with_a_request_id_and_escaped_text() {
        let error = S3Error::denied("key <a&b> is outside");
        let response = error.response(&Method::GET, "/b/<k>");
        assert_eq!(response.status(), 403);
        let id = response.headers()[REQUEST_ID].to_str().unwrap().to_owned();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("<Message>key &lt;a&amp;b&gt; is outside</Message>"), "{text}");
        assert!(text.contains(&format!("<RequestId>{id}</RequestId>")), "{text}");
    }

    #[test]
    fn a_brokers_words_cannot_bring_in_the_phrase_that_ends_a_kopia_run() {
        let words = "broker:http://b: answered 502: ExpiredToken: The provided token has expired.";
        let xml = S3Error::slow_down(words).xml("/b/k", "0");
        assert!(!xml.contains(FATAL_PHRASE) && xml.contains("answered 502: ExpiredToken"), "{xml}");
    }

    #[tokio::test]
    async fn a_head_error_has_the_length_but_no_body() {
        let response = S3Error::slow_down("wait").response(&Method::HEAD, "/b/k");
        assert_ne!(response.headers()[CONTENT_LENGTH], "0");
        assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
}
