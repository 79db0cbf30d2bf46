// SPDX-License-Identifier: Apache-2.0
//! Why a call failed.

use std::error::Error as StdError;
use std::fmt;

use tonic::{Code, Status};

/// Is it worth retrying?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Who asks may not: a user, a role, or a certificate is missing.
    Denied,
    /// The member cannot be reached, or has no leader.
    Unavailable,
    /// It did not answer in time.
    Late,
    /// The revision asked for is compacted already.
    Compacted,
    /// The revision asked for is not there yet.
    Future,
    /// A learner does not serve this.
    Learner,
    /// The settings cannot be used.
    Usage,
    /// Anything else.
    Failed,
}

/// A failed call. The text names the member and the call.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    text: String,
}

impl Error {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// By text as well as by code: 3.4 and 3.5 give refusals as UNKNOWN.
    pub(crate) fn of(endpoint: &str, call: &str, status: &Status) -> Self {
        let message = status.message();
        let has = |part: &str| message.contains(part);
        let kind = match status.code() {
            _ if has("revision has been compacted") => Kind::Compacted,
            _ if has("future revision") => Kind::Future,
            _ if has("not supported for learner") => Kind::Learner,
            _ if has("permission denied")
                || has("user name is empty")
                || has("authentication failed") =>
            {
                Kind::Denied
            }
            _ if has("auth token") || has("authentication is not enabled") => Kind::Denied,
            Code::PermissionDenied | Code::Unauthenticated => Kind::Denied,
            _ if refuses_certificate(status) => Kind::Denied,
            _ if has("transport error") => Kind::Unavailable,
            Code::DeadlineExceeded => Kind::Late,
            _ if has("request timed out") => Kind::Late,
            Code::Unavailable | Code::Cancelled => Kind::Unavailable,
            _ if has("no leader") => Kind::Unavailable,
            _ => Kind::Failed,
        };
        let why = match deepest(status) {
            Some(cause) if !message.contains(&cause) => format!("{message}: {cause}"),
            _ => message.to_owned(),
        };
        Self::new(kind, format!("{endpoint}: {call}: {why}"))
    }

    pub(crate) fn connecting(endpoint: &str, error: &tonic::transport::Error) -> Self {
        let why = deepest(error).unwrap_or_else(|| error.to_string());
        Self::new(Kind::Unavailable, format!("{endpoint}: cannot be reached: {why}"))
    }
}

/// What a server's TLS says of a client's certificate that is missing or not good to it.
fn refuses_certificate(status: &Status) -> bool {
    let alerts = [
        "CertificateRequired",
        "BadCertificate",
        "UnknownCA",
        "CertificateUnknown",
        "CertificateExpired",
    ];
    deepest(status).is_some_and(|cause| alerts.iter().any(|alert| cause.contains(alert)))
}

/// What lies at the bottom says most: "connection refused", "certificate has expired".
fn deepest(error: &dyn StdError) -> Option<String> {
    let mut cause = error.source()?;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Some(cause.to_string())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Error {}
