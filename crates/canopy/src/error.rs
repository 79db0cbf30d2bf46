// SPDX-License-Identifier: Apache-2.0
//! Why a call failed, and whether it is worth retrying.

use std::time::Duration;

use crate::wire::Problem;

/// What kind of trouble it is, which decides what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 401, 403: this device may not, or nobody granted this. Only somebody with rights can change
    /// that.
    Denied,
    /// 409: the state does not allow it now (ungrouped, no ready configuration), or it was said
    /// before (a run reported twice).
    Conflict,
    /// 412: the device is not bound to a live server.
    Unbound,
    /// 429: too often.
    TooOften,
    /// 5xx, or no whole answer: refused, reset, cut short, no such name.
    Unavailable,
    /// 408, or no answer in time.
    Timeout,
    /// Any other status, an answer that was not understood, or a configuration that cannot work.
    Invalid,
}

/// How far a call that failed had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// There was no connection: nothing was sent.
    Never,
    /// It was sent, at least in part, and no whole answer came.
    Perhaps,
    /// There was an answer.
    Answered,
}

/// A call that failed. Its texts are one bounded line and never hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {message}")]
pub struct Error {
    kind: Kind,
    call: String,
    message: String,
    status: Option<u16>,
    retry_after: Option<Duration>,
    problem: Option<Box<Problem>>,
    reached: Reached,
}

impl Error {
    pub(crate) fn new(kind: Kind, call: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            call: call.to_owned(),
            message: message.into(),
            status: None,
            retry_after: None,
            problem: None,
            reached: Reached::Never,
        }
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    pub(crate) fn with_problem(mut self, problem: Option<Problem>) -> Self {
        self.problem = problem.map(Box::new);
        self
    }

    pub(crate) fn with_reached(mut self, reached: Reached) -> Self {
        self.reached = reached;
        self
    }

    /// How far the call had come.
    #[must_use]
    pub fn reached(&self) -> Reached {
        self.reached
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The status of the answer; `None` where there was no answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// How long the control plane asks to be left alone (`Retry-After`), 10 min at most.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Will the same call succeed later, with nobody doing anything about it? After an outage, a
    /// timeout, or "too often": yes.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, Kind::TooOften | Kind::Unavailable | Kind::Timeout)
    }

    /// What the control plane says about it, each text on one bounded line.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.problem.as_deref()
    }

    /// What was called, such as `POST /restore-credentials`.
    #[must_use]
    pub fn call(&self) -> &str {
        &self.call
    }

    /// What happened, without the call.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}
