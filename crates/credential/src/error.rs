// SPDX-License-Identifier: Apache-2.0
//! Why no set could be had: what kind of trouble, and where it arose.

use std::time::Duration;

/// What kind of trouble it is, which decides what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The issuer refuses: no grant, not allowed. Only somebody with rights can change that.
    Denied,
    /// The source cannot be reached or cannot answer now.
    Unavailable,
    /// The source did not answer in time.
    Timeout,
    /// The answer is not a usable set: half-written, not JSON, a missing field, already expired.
    Invalid,
}

/// No usable set came from a source. Its texts never hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {message}")]
pub struct Error {
    kind: Kind,
    origin: String,
    message: String,
    retry_after: Option<Duration>,
}

impl Error {
    /// An error of a source named `origin`; the message must not quote what the source sent.
    pub fn new(kind: Kind, origin: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, origin: origin.into(), message: message.into(), retry_after: None }
    }

    /// The same, with the time the source asked to be left alone.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The source's name, for example `file:/run/aws.json`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What happened, without the source's name.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How long the source asked to be left alone (`Retry-After`).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Will it mend by itself? Every kind but a refusal may; a refusal is asked again too, for
    /// grants change, but rarely.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !self.is_denied()
    }

    /// Did the issuer refuse?
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.kind == Kind::Denied
    }
}
