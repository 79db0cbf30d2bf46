// SPDX-License-Identifier: Apache-2.0
//! What an answer means.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;

use crate::request::Call;
use crate::wire::{CredentialProcess, Problem};
use crate::{Error, Kind};

/// The control plane cannot keep us away for longer.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// The shape in the body of a success.
///
/// # Errors
/// [`Kind::Invalid`], without a word of the body: it may be a secret.
pub(crate) fn parse<T: DeserializeOwned>(call: &Call, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("its answer is not what it should be: {}", defect(&error));
        Error::new(Kind::Invalid, &call.name(), message)
    })
}

/// Where the text stops being what it should be. Only the names of our own fields are repeated.
fn defect(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let place = format!("line {} column {}", error.line(), error.column());
    if error.is_eof() {
        return "it ends in the middle of the JSON".to_owned();
    }
    match said.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
        Some((field, _)) => format!("{field} is missing, {place}"),
        None if error.is_data() => format!("a field of the wrong form, {place}"),
        None => format!("it is not JSON, {place}"),
    }
}

/// Credentials that a header can carry, of the one known version.
pub(crate) fn usable(call: &Call, set: &CredentialProcess) -> Result<(), Error> {
    let fit = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let token = set.session_token.as_ref();
    let defect = if set.version != 1 {
        "Version is not 1, the only one known"
    } else if !fit(&set.access_key_id) {
        "AccessKeyId is empty or holds a character that no header can carry"
    } else if !fit(set.secret_access_key.expose()) {
        "SecretAccessKey is empty or holds a character that no header can carry"
    } else if token.is_some_and(|token| !fit(token.expose())) {
        "SessionToken is empty or holds a character that no header can carry"
    } else {
        return Ok(());
    };
    Err(Error::new(Kind::Invalid, &call.name(), format!("credentials in its answer: {defect}")))
}

/// The error that an answer without success is.
pub(crate) fn refusal(
    call: &Call,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Error {
    let problem = problem(body);
    let mut message = format!("answered {}", status.as_u16());
    if let Some(said) = problem.as_ref().map(said).filter(|said| !said.is_empty()) {
        message = format!("{message}: {said}");
    }
    if let Some(hint) = hint(status) {
        message = format!("{message} ({hint})");
    }
    Error::new(kind(status), &call.name(), message)
        .with_status(status.as_u16())
        .with_retry_after(retry_after(headers, now))
        .with_problem(problem)
}

/// RFC 7807, each text on one bounded line. A body that is something else is no problem's.
fn problem(body: &[u8]) -> Option<Problem> {
    let said: Problem = serde_json::from_slice(body).ok()?;
    Some(Problem {
        type_: excerpt::one_line(&said.type_),
        title: excerpt::one_line(&said.title),
        status: said.status,
        detail: said.detail.as_deref().map(excerpt::one_line),
    })
}

fn said(problem: &Problem) -> String {
    let texts = [problem.title.as_str(), problem.detail.as_deref().unwrap_or_default()];
    let texts: Vec<&str> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    texts.join(": ")
}

fn kind(status: StatusCode) -> Kind {
    match status.as_u16() {
        401 | 403 => Kind::Denied,
        408 => Kind::Timeout,
        409 => Kind::Conflict,
        412 => Kind::Unbound,
        429 => Kind::TooOften,
        500..=599 => Kind::Unavailable,
        _ => Kind::Invalid,
    }
}

fn hint(status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        300..=399 => Some("redirects are not followed: give the final URL"),
        401 => Some("the device's key is not known there, or the tailnet does not know this node"),
        404 => Some("there is no control plane at this URL"),
        412 => Some("the device is not bound to a live server"),
        _ => None,
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests;
