// SPDX-License-Identifier: Apache-2.0
//! What a server's answer means for the next try.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// A server cannot keep us away for longer.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// What servers that keep answers by key say of a kept one.
const REPLAYED: &str = "idempotent-replayed";

/// What became of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    /// It was reported before.
    Duplicate,
    /// 409 of the control plane: a duplicate only where an earlier try may have arrived.
    Conflict(String),
    /// 429, and how long to stay away.
    TooOften(String, Option<Duration>),
    /// It may do so later, or has taken it and could not say so.
    Later(String, Option<Duration>),
    /// Nothing was sent; it may be, later.
    Unsent(String),
    /// It never will.
    Refused(String),
}

impl Answer {
    /// For metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Conflict(_) => "conflict",
            Self::TooOften(..) => "too_often",
            Self::Later(..) => "later",
            Self::Unsent(_) => "unsent",
            Self::Refused(_) => "refused",
        }
    }

    /// What went wrong.
    pub(crate) fn trouble(&self) -> Option<&str> {
        match self {
            Self::Accepted | Self::Duplicate => None,
            Self::Conflict(why)
            | Self::TooOften(why, _)
            | Self::Later(why, _)
            | Self::Unsent(why)
            | Self::Refused(why) => Some(why),
        }
    }

    /// Whether the report may be there now, though nobody said so.
    pub(crate) fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Later(..))
    }
}

/// Judges an answer that came over plain HTTP.
pub(crate) fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
    let is_replay = headers.get(REPLAYED).is_some_and(|value| value == "true");
    if status == StatusCode::ALREADY_REPORTED || (status.is_success() && is_replay) {
        return Answer::Duplicate;
    }
    if status.is_success() {
        return Answer::Accepted;
    }
    let said = said(body);
    if status == StatusCode::CONFLICT && said.as_deref().is_some_and(says_twice) {
        return Answer::Duplicate;
    }
    let mut why = format!("answered {}", status.as_u16());
    if let Some(said) = said {
        why = format!("{why}: {said}");
    }
    if let Some(hint) = hint(status) {
        why = format!("{why} ({hint})");
    }
    match status.as_u16() {
        429 => Answer::TooOften(why, retry_after(headers)),
        // 409 to a key: another try of ours is still being worked on.
        408 | 409 | 425 | 500..=599 => Answer::Later(why, retry_after(headers)),
        _ => Answer::Refused(why),
    }
}

/// Judges a call of the control plane's client.
pub(crate) fn of_call(result: Result<(), canopy::Error>) -> Answer {
    let Err(error) = result else { return Answer::Accepted };
    let why = error.to_string();
    match error.kind() {
        canopy::Kind::Conflict => Answer::Conflict(why),
        canopy::Kind::TooOften => Answer::TooOften(why, error.retry_after()),
        _ if error.is_retryable() && error.reached() == canopy::Reached::Never => {
            Answer::Unsent(why)
        }
        _ if error.is_retryable() => Answer::Later(why, error.retry_after()),
        _ => Answer::Refused(why),
    }
}

/// What a conflict is after a try that may have arrived: that one, or a state that does not allow any.
pub(crate) fn is_duplicate(why: &str) -> bool {
    says_twice(why) || !why.to_lowercase().contains("group")
}

/// Whether the server says that it has a report already.
pub(crate) fn says_twice(text: &str) -> bool {
    let text = text.to_lowercase();
    ["already", "twice", "duplicate", "reported before"].iter().any(|word| text.contains(word))
}

/// The server's own words: those of RFC 7807, or a plain text.
fn said(body: &[u8]) -> Option<String> {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(value) => {
            let mut texts = ["error", "detail", "title"].iter().filter_map(|it| value[it].as_str());
            texts.find(|text| !text.trim().is_empty())?.to_owned()
        }
        // A page of a proxy in between says nothing that fits.
        Err(_) if body.trim_ascii().starts_with(b"<") => return None,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let line = excerpt::one_line(&text);
    (!line.is_empty()).then_some(line)
}

fn hint(status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        300..=399 => Some("redirects are not followed: give the final URL"),
        401 => Some("the token is missing, wrong or expired"),
        404 => Some("nothing takes reports at this URL"),
        _ => None,
    }
}

/// `Retry-After` in seconds or as a date, at most 10 min (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?;
            at.duration_since(SystemTime::now()).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judged(status: u16, body: &str) -> Answer {
        judge(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn what_may_mend_is_told_from_what_never_will() {
        for status in [200, 201, 202, 204] {
            assert_eq!(judged(status, "x"), Answer::Accepted, "{status}");
        }
        assert_eq!(judged(208, ""), Answer::Duplicate);
        for status in [408, 409, 425, 500, 502, 503, 504, 599] {
            assert!(matches!(judged(status, ""), Answer::Later(..)), "{status}");
        }
        assert!(matches!(judged(429, ""), Answer::TooOften(..)));
        for status in [301, 307, 400, 401, 403, 404, 405, 410, 412, 413, 422] {
            assert!(matches!(judged(status, ""), Answer::Refused(_)), "{status}");
        }
    }

    #[test]
    fn a_conflict_is_a_duplicate_unless_it_is_about_something_else() {
        let twice = r#"{"title":"Conflict","detail":"run was reported already"}"#;
        assert_eq!(judged(409, twice), Answer::Duplicate);
        assert!(is_duplicate("answered 409: Already Reported") && is_duplicate("answered 409"));
        assert!(!is_duplicate("answered 409: the server is in no group"));
    }

    #[test]
    fn a_servers_words_are_one_bounded_line() {
        let why = |answer: Answer| answer.trouble().unwrap().to_owned();
        assert_eq!(why(judged(503, "busy\nnow")), "answered 503: busy now");
        assert_eq!(why(judged(502, "<html>hello")), "answered 502");
        assert_eq!(
            why(judged(400, r#"{"error":"","detail":"unknown field `x`"}"#)),
            "answered 400: unknown field `x`"
        );
        assert!(why(judged(500, &"x".repeat(9999))).len() < 250);
        assert!(why(judged(302, "")).contains("not followed"));
    }

    #[test]
    fn retry_after_is_honoured_up_to_ten_minutes() {
        let wait = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("86400"), Some(LONGEST_WAIT));
        assert_eq!(wait("Fri, 31 Dec 9999 23:59:59 GMT"), Some(LONGEST_WAIT));
        assert_eq!(wait("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
    }

    proptest! {
        #[test]
        fn foreign_answers_never_panic(status in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..100)) {
            judge(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), &body);
        }
    }
}
