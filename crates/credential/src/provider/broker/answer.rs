// SPDX-License-Identifier: Apache-2.0
//! What a broker's answer means.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::document::{Document, Version};
use crate::{Credential, Kind, excerpt};

/// A broker cannot keep us away for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// An answer without a set.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) kind: Kind,
    pub(super) message: String,
}

/// The set in the answer, or what is wrong with it.
pub(super) fn judge(status: StatusCode, body: &[u8]) -> Result<Credential, Refusal> {
    if status.is_success() {
        return set(body).map_err(|message| Refusal { kind: Kind::Invalid, message });
    }
    let mut message = format!("answered {}", status.as_u16());
    if let Some(said) = said(body) {
        message = format!("{message}: {said}");
    }
    if let Some(hint) = hint(status) {
        message = format!("{message} ({hint})");
    }
    Err(Refusal { kind: kind(status), message })
}

fn set(body: &[u8]) -> Result<Credential, String> {
    let mut document = Document::parse(body).map_err(|defect| format!("its answer: {defect}"))?;
    let credentials = document.take("credentials");
    let credentials = credentials.ok_or("its answer: credentials is missing")?;
    let set = credentials.into_credential(Version::Optional);
    set.map_err(|defect| format!("credentials in its answer: {defect}"))
}

/// The broker's own words: `error`, or what RFC 7807 calls `detail` and `title`.
fn said(body: &[u8]) -> Option<String> {
    let document = Document::parse(body).ok()?;
    let texts = ["error", "detail", "title"].into_iter().filter_map(|name| document.text(name));
    texts.map(excerpt::one_line).find(|text| !text.is_empty())
}

fn kind(status: StatusCode) -> Kind {
    match status.as_u16() {
        401 | 403 | 404 | 409 => Kind::Denied,
        408 => Kind::Timeout,
        429 | 500..=599 => Kind::Unavailable,
        _ => Kind::Invalid,
    }
}

fn hint(status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        300..=399 => Some("redirects are not followed: give the final URL"),
        401 => Some("the token is missing, wrong or expired"),
        404 => Some("no such grant, or no broker at this URL"),
        _ => None,
    }
}

/// `Retry-After` in seconds or as a date, at most 30 s
/// (RFC 9110, section 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let now = crate::live::Clock::now(&crate::SystemClock);
            until(httpdate::parse_http_date(text).ok()?, now)
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

fn until(at: SystemTime, now: SystemTime) -> Duration {
    at.duration_since(now).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Refusal {
        judge(StatusCode::from_u16(status).unwrap(), body.as_bytes()).unwrap_err()
    }

    #[test]
    fn refusals_outages_and_nonsense_are_told_apart() {
        let kinds = [
            (401, Kind::Denied),
            (403, Kind::Denied),
            (404, Kind::Denied),
            (409, Kind::Denied),
            (408, Kind::Timeout),
            (429, Kind::Unavailable),
            (500, Kind::Unavailable),
            (502, Kind::Unavailable),
            (503, Kind::Unavailable),
            (302, Kind::Invalid),
            (400, Kind::Invalid),
        ];
        for (status, kind) in kinds {
            assert_eq!(refused(status, "").kind, kind, "{status}");
        }
    }

    #[test]
    fn the_brokers_own_words_are_quoted_on_one_bounded_line() {
        let told = refused(403, r#"{"error":"no enabled\ndeclaration"}"#);
        assert_eq!(told.message, "answered 403: no enabled declaration");
        let told = refused(409, r#"{"type":"/errors/x","title":"Conflict","detail":null}"#);
        assert_eq!(told.message, "answered 409: Conflict");
        let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(5000));
        assert!(refused(500, &long).message.len() < 250);
        assert_eq!(refused(502, "<html>").message, "answered 502");
    }

    #[test]
    fn an_answer_without_a_set_names_what_is_missing() {
        let missing = refused(200, r#"{"repo_password":"hush"}"#);
        assert_eq!(
            (missing.kind, missing.message.as_str()),
            (Kind::Invalid, "its answer: credentials is missing")
        );
        let half = refused(200, r#"{"credentials":{"AccessKeyId":"hush"}}"#).message;
        assert_eq!(half, "credentials in its answer: SecretAccessKey is missing");
        assert!(!refused(200, "hush").message.contains("hush"));
    }

    #[test]
    fn retry_after_is_honoured_up_to_thirty_seconds() {
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
}
