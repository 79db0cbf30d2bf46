// SPDX-License-Identifier: Apache-2.0
//! Who asks, and may they? A projected service-account token, checked by the API server, and the labels of
//! its namespace.

mod allow;
mod cluster;
mod guard;
mod rules;
mod token;

pub(crate) use self::cluster::Cluster;
pub(crate) use self::guard::Guard;
pub(crate) use self::rules::Rules;
pub(crate) use self::token::Token;

use std::time::Duration;

use http::StatusCode;

use crate::request::Key;

/// A pod, by the word of the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) namespace: String,
    pub(crate) service_account: String,
    /// In tokens that are bound to a pod.
    pub(crate) pod: Option<String>,
}

/// Why a caller is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// No `Authorization` header.
    NoToken,
    /// Nothing that could be a service account's token.
    Malformed,
    /// Meant for somebody else.
    WrongAudience,
    /// It was good once.
    Expired,
    /// The API server does not know it.
    Rejected,
    /// Somebody, but no service account.
    NotServiceAccount,
    /// The namespace may ask for nothing.
    Namespace,
    /// The namespace may ask, for another group.
    Group,
    /// The namespace may ask for the group, for another type.
    Type,
    /// The API server does not answer: nobody is let in unchecked.
    Unchecked,
}

impl Reason {
    /// All of them, for metrics.
    pub(crate) const ALL: [Self; 10] = [
        Self::NoToken,
        Self::Malformed,
        Self::WrongAudience,
        Self::Expired,
        Self::Rejected,
        Self::NotServiceAccount,
        Self::Namespace,
        Self::Group,
        Self::Type,
        Self::Unchecked,
    ];

    /// The name in metrics and audit lines.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::Malformed => "malformed_token",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired_token",
            Self::Rejected => "rejected_token",
            Self::NotServiceAccount => "not_a_service_account",
            Self::Namespace => "wrong_namespace",
            Self::Group => "wrong_group",
            Self::Type => "wrong_type",
            Self::Unchecked => "api_server_down",
        }
    }

    /// What the caller is answered.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NoToken
            | Self::Malformed
            | Self::WrongAudience
            | Self::Expired
            | Self::Rejected => StatusCode::UNAUTHORIZED,
            Self::NotServiceAccount | Self::Namespace | Self::Group | Self::Type => {
                StatusCode::FORBIDDEN
            }
            Self::Unchecked => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// A caller that is turned away.
#[derive(Debug, Clone)]
pub(crate) struct Turned {
    pub(crate) reason: Reason,
    /// For the caller; holds nothing of the token.
    pub(crate) detail: String,
    /// As far as is known.
    pub(crate) caller: Option<Caller>,
    pub(crate) retry_after: Option<Duration>,
}

impl Turned {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), caller: None, retry_after: None }
    }

    #[must_use]
    pub(crate) fn known(self, caller: Caller) -> Self {
        Self { caller: Some(caller), ..self }
    }
}

/// Whether callers are checked.
pub(crate) enum Door {
    /// Whoever reaches the port is served.
    Open,
    /// Only those are whom the cluster vouches for.
    Guarded(Box<Guard>),
}

impl Door {
    /// Lets a caller in. `None` is somebody unknown, at an open door.
    ///
    /// # Errors
    /// Why the caller is turned away.
    pub(crate) async fn admit(
        &self,
        token: Result<Token, Turned>,
        key: &Key,
    ) -> Result<Option<Caller>, Turned> {
        match self {
            Self::Open => Ok(None),
            Self::Guarded(guard) => guard.admit(token?, key).await.map(Some),
        }
    }
}
