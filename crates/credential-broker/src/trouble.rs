// SPDX-License-Identifier: Apache-2.0
//! Why no set could be had, and what a caller is told: the error table.

use std::time::Duration;

use http::StatusCode;

/// No issuer keeps us away for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What kind of trouble it is. Refusals are the issuer's answer to this wish; all others are outages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    /// The issuer says that nobody granted this: 403, passed through.
    Denied,
    /// The issuer says that it is not ready for this: 409, passed through.
    Conflict,
    /// The issuer asks to be left alone.
    TooOften,
    /// The issuer answered that it failed.
    Failed,
    /// The issuer refuses us, not the caller: our own credentials or binding.
    Unaccepted,
    /// The issuer's answer is no usable set.
    NotUnderstood,
    /// No connection, or one that broke.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// What we need to ask is missing here.
    Unconfigured,
    /// Our own limits are reached.
    Busy,
}

/// Whom an outage keeps away from the issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The issuer as a whole does not answer.
    Issuer,
    /// It may answer for other groups.
    Key,
}

impl Cause {
    /// All of them, for metrics.
    pub(crate) const ALL: [Self; 10] = [
        Self::Denied,
        Self::Conflict,
        Self::TooOften,
        Self::Failed,
        Self::Unaccepted,
        Self::NotUnderstood,
        Self::Unreachable,
        Self::TimedOut,
        Self::Unconfigured,
        Self::Busy,
    ];

    /// The name in metrics and audit lines.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Conflict => "conflict",
            Self::TooOften => "too_often",
            Self::Failed => "failed",
            Self::Unaccepted => "unaccepted",
            Self::NotUnderstood => "not_understood",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Unconfigured => "unconfigured",
            Self::Busy => "busy",
        }
    }

    /// What a caller is answered.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Denied => StatusCode::FORBIDDEN,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Failed | Self::Unaccepted | Self::NotUnderstood => StatusCode::BAD_GATEWAY,
            Self::TooOften
            | Self::Unreachable
            | Self::TimedOut
            | Self::Unconfigured
            | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Only somebody with rights can change a refusal.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Denied | Self::Conflict)
    }

    /// Whom it keeps away.
    pub(crate) fn scope(self) -> Scope {
        match self {
            Self::TooOften | Self::Unreachable | Self::TimedOut => Scope::Issuer,
            _ => Scope::Key,
        }
    }
}

/// No set, and why. Its texts never hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Trouble {
    pub(crate) cause: Cause,
    /// One bounded line.
    pub(crate) detail: String,
    /// How long the issuer asked to be left alone; bounded.
    pub(crate) retry_after: Option<Duration>,
}

impl Trouble {
    pub(crate) fn new(cause: Cause, detail: impl AsRef<str>) -> Self {
        Self { cause, detail: excerpt::one_line(detail.as_ref()), retry_after: None }
    }

    /// The same, with the time the issuer asked to be left alone.
    #[must_use]
    pub(crate) fn after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait.map(|wait| wait.min(LONGEST_WAIT));
        self
    }

    /// What an issuer's HTTP status means.
    pub(crate) fn of_status(status: u16, said: Option<&str>) -> Self {
        let cause = match status {
            403 => Cause::Denied,
            409 => Cause::Conflict,
            401 | 412 => Cause::Unaccepted,
            429 => Cause::TooOften,
            500..=599 => Cause::Failed,
            _ => Cause::NotUnderstood,
        };
        match (said.filter(|said| !said.trim().is_empty()), cause.is_refusal()) {
            (Some(said), true) => Self::new(cause, said),
            (Some(said), false) => {
                Self::new(cause, format!("the issuer answered {status}: {said}"))
            }
            (None, _) => Self::new(cause, format!("the issuer answered {status}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_pass_through_and_outages_are_told_apart() {
        let rows = [
            (403, 403),
            (409, 409),
            (400, 502),
            (401, 502),
            (404, 502),
            (412, 502),
            (422, 502),
            (429, 503),
            (500, 502),
            (502, 502),
            (503, 502),
            (504, 502),
            (302, 502),
        ];
        for (upstream, answered) in rows {
            let trouble = Trouble::of_status(upstream, None);
            assert_eq!(trouble.cause.status().as_u16(), answered, "{upstream}");
            assert_eq!(trouble.cause.is_refusal(), [403, 409].contains(&upstream), "{upstream}");
        }
    }

    #[test]
    fn what_the_issuer_said_is_one_bounded_line() {
        let trouble = Trouble::of_status(403, Some(&format!("no\n{}", "x".repeat(900))));
        assert!(trouble.detail.starts_with("no x") && trouble.detail.chars().count() <= 201);
        let trouble = Trouble::of_status(500, Some("boom"));
        assert_eq!(trouble.detail, "the issuer answered 500: boom");
    }

    #[test]
    fn no_issuer_keeps_us_away_for_long() {
        let trouble = Trouble::of_status(429, None).after(Some(Duration::from_secs(86_400)));
        assert_eq!(trouble.retry_after, Some(LONGEST_WAIT));
    }

    #[test]
    fn every_class_is_listed_once() {
        let mut names: Vec<_> = Cause::ALL.iter().map(|cause| cause.class()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Cause::ALL.len());
    }
}
