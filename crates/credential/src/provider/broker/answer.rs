// SPDX-License-Identifier: Apache-2.0
//! What a broker's answer means.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::document::{Document, Version};
use crate::{Credential, Kind, Secret};

/// A broker cannot keep us away for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// An answer that holds nothing to use.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) kind: Kind,
    pub(super) message: String,
}

/// The document of a success, or what the broker's refusal says.
pub(super) fn document(status: StatusCode, body: &[u8]) -> Result<Document, Refusal> {
    if status.is_success() {
        return Document::parse(body).map_err(|defect| {
            let message = format!("its answer: {defect}");
            Refusal { kind: Kind::Invalid, message }
        });
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

/// The set in the answer, or what is wrong with it.
pub(super) fn credentials(mut answer: Document) -> Result<Credential, String> {
    let credentials = answer.take("credentials").ok_or("credentials is missing")?;
    let set = credentials.into_credential(Version::Optional);
    set.map_err(|defect| format!("credentials: {defect}"))
}

/// The password in the answer, or why there is none that could be used.
pub(super) fn repo_password(mut answer: Document) -> Result<Secret, String> {
    let password = answer.take_secret("repo_password")?;
    let password = password.ok_or(
        "repo_password is missing: the broker's issuer knows none for this group and type",
    )?;
    // Readers of the file would cut it at a line break, and the repository would refuse the rest.
    if password.expose().chars().any(char::is_control) {
        return Err("repo_password holds a line break or another control character".to_owned());
    }
    Ok(password)
}

/// The broker's own words: `error`, or what RFC 7807 calls `detail` and `title`.
fn said(body: &[u8]) -> Option<String> {
    let document = Document::parse(body).ok()?;
    let texts = ["error", "detail", "title"].into_iter().filter_map(|name| document.text(name));
    texts.map(excerpt::one_line).find(|text| !text.is_empty())
}

fn kind(status: StatusCode) -> Kind {
    match status.as_u16() {
        408 => Kind::Timeout,
        425 | 429 | 500..=599 => Kind::Unavailable,
        // The same request gets the same answer, until somebody changes a grant or a flag.
        400..=499 => Kind::Denied,
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
        document(StatusCode::from_u16(status).unwrap(), body.as_bytes()).unwrap_err()
    }

    fn answered(body: &str) -> Document {
        document(StatusCode::OK, body.as_bytes()).unwrap()
    }

    #[test]
    fn refusals_outages_and_nonsense_are_told_apart() {
        let kinds = [
            (401, Kind::Denied),
            (403, Kind::Denied),
            (404, Kind::Denied),
            (409, Kind::Denied),
            (412, Kind::Denied),
            (400, Kind::Denied),
            (422, Kind::Denied),
            (408, Kind::Timeout),
            (425, Kind::Unavailable),
            (429, Kind::Unavailable),
            (500, Kind::Unavailable),
            (502, Kind::Unavailable),
            (503, Kind::Unavailable),
            (302, Kind::Invalid),
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
        let defect = |body: &str| credentials(answered(body)).unwrap_err();
        assert_eq!(defect(r#"{"repo_password":"hush"}"#), "credentials is missing");
        let half = defect(r#"{"credentials":{"AccessKeyId":"hush"}}"#);
        assert_eq!(half, "credentials: SecretAccessKey is missing");
        let nonsense = refused(200, "hush");
        assert_eq!(nonsense.kind, Kind::Invalid);
        assert!(!nonsense.message.contains("hush"));
    }

    #[test]
    fn a_password_that_no_file_or_variable_could_hand_on_whole_is_refused_unshown() {
        let password = |body: &str| repo_password(answered(body));
        let good = password(r#"{"repo_password":"with a blank, \u00e9 and =#'\""}"#).unwrap();
        assert_eq!(good.expose(), "with a blank, é and =#'\"");
        for (body, part) in [
            (r#"{"credentials":{"AccessKeyId":"hush"}}"#, "repo_password is missing"),
            (r#"{"repo_password":null}"#, "repo_password is missing"),
            (r#"{"repo_password":""}"#, "repo_password is missing"),
            (r#"["hush"]"#, "repo_password is missing"),
            (r#"{"repo_password":["hush"]}"#, "repo_password is not a text"),
            (r#"{"repo_password":"hush\n"}"#, "control character"),
            (r#"{"repo_password":"hu\u0000sh"}"#, "control character"),
        ] {
            let defect = password(body).unwrap_err();
            assert!(defect.contains(part) && !defect.contains("hu"), "{body}: {defect}");
        }
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
