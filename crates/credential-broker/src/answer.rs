// SPDX-License-Identifier: Apache-2.0
//! Answers as they go over the wire. No cache on the way may keep them.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;
use zeroize::Zeroizing;

use crate::identity::Turned;
use crate::trouble::Trouble;

/// Where an outage does not say when to come again.
const COME_AGAIN: Duration = Duration::from_secs(1);

pub(crate) type Answer = Response<Full<Bytes>>;

/// A set. Its bytes are wiped once they are sent.
pub(crate) fn set(body: Zeroizing<Vec<u8>>) -> Answer {
    json_of(StatusCode::OK, Bytes::from_owner(body))
}

/// `{"error": …, "status": …}`
pub(crate) fn error(status: StatusCode, why: &str) -> Answer {
    let body = json!({"error": why, "status": status.as_u16()});
    let mut answer = json_of(status, Bytes::from(body.to_string()));
    if status == StatusCode::UNAUTHORIZED {
        with(&mut answer, WWW_AUTHENTICATE, "Bearer");
    }
    answer
}

/// The issuer's refusal, or an outage with the time to come again.
pub(crate) fn trouble(trouble: &Trouble) -> Answer {
    let answer = error(trouble.cause.status(), &trouble.detail);
    match trouble.cause.is_refusal() {
        true => answer,
        false => later(answer, trouble.retry_after),
    }
}

/// For a caller that is turned away.
pub(crate) fn turned(turned: &Turned) -> Answer {
    let answer = error(turned.reason.status(), &turned.detail);
    match turned.retry_after {
        Some(wait) => later(answer, Some(wait)),
        None => answer,
    }
}

/// Only one method is known here.
pub(crate) fn method(allowed: &'static str) -> Answer {
    let why = format!("use {allowed}");
    let mut answer = error(StatusCode::METHOD_NOT_ALLOWED, &why);
    with(&mut answer, ALLOW, allowed);
    answer
}

/// A word for a probe.
pub(crate) fn text(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(Full::from(format!("{text}\n")));
    *answer.status_mut() = status;
    with(&mut answer, CONTENT_TYPE, "text/plain; charset=utf-8");
    answer
}

/// Whole seconds, and never none.
fn later(mut answer: Answer, wait: Option<Duration>) -> Answer {
    let wait = wait.unwrap_or(COME_AGAIN);
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    answer
}

fn json_of(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    with(&mut answer, CONTENT_TYPE, "application/json");
    with(&mut answer, CACHE_CONTROL, "no-store");
    answer
}

fn with(answer: &mut Answer, name: HeaderName, value: &'static str) {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trouble::Cause;

    #[test]
    fn an_outage_says_when_to_come_again_and_a_refusal_does_not() {
        let waits = |cause, wait: Option<u64>| {
            let told = Trouble::new(cause, "x").after(wait.map(Duration::from_millis));
            let answer = trouble(&told);
            answer.headers().get(RETRY_AFTER).map(|it| it.to_str().unwrap().to_owned())
        };
        assert_eq!(waits(Cause::Failed, Some(6100)).as_deref(), Some("7"));
        assert_eq!(waits(Cause::Unreachable, Some(10)).as_deref(), Some("1"));
        assert_eq!(waits(Cause::Busy, None).as_deref(), Some("1"));
        assert_eq!(waits(Cause::Denied, Some(9000)), None);
    }
}
