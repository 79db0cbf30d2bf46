// SPDX-License-Identifier: Apache-2.0
//! One request: read, the caller checked, a set found, answered and audited.

use std::sync::Arc;
use std::time::Duration;

use admin::Readiness;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use sidecar::Stop;
use tokio::time::timeout;

use crate::answer::{self, Answer};
use crate::audit;
use crate::desk::Desk;
use crate::identity::{Door, Token};
use crate::metrics::{BAD_REQUEST, Metrics};
use crate::request::{Ask, Password};

/// The longest body.
const MOST: usize = 4 * 1024;
/// Says which set the caller's store refuses.
const REFUSED: &str = "pilotfish-refused-access-key-id";

/// What requests are answered with.
pub(crate) struct Service {
    pub(crate) door: Door,
    pub(crate) desk: Desk,
    pub(crate) wire: Wire,
    pub(crate) metrics: Metrics,
    pub(crate) readiness: Readiness,
    pub(crate) stop: Stop,
    /// How long a body may take.
    pub(crate) body: Duration,
}

/// When the repository's password goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// To callers that ask for it.
    Asked,
    /// With every set, as callers of old expect.
    Legacy,
}

impl Service {
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        match (request.uri().path(), request.method()) {
            ("/internal/restore-creds", &Method::POST) => self.grant(request).await,
            ("/internal/restore-creds", _) => answer::method("POST"),
            ("/healthz", &Method::GET) => answer::text(StatusCode::OK, "ok"),
            ("/readyz", &Method::GET) => self.ready(),
            ("/healthz" | "/readyz", _) => answer::method("GET"),
            _ => answer::error(StatusCode::NOT_FOUND, "no such path"),
        }
    }

    fn ready(&self) -> Answer {
        let waiting = self.readiness.waiting().join("; ");
        match (self.stop.is_requested(), waiting.is_empty()) {
            (true, _) => answer::text(StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            (_, true) => answer::text(StatusCode::OK, "ready"),
            _ => answer::text(StatusCode::SERVICE_UNAVAILABLE, &format!("waiting for {waiting}")),
        }
    }

    async fn grant(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let token = Token::of(&head.headers);
        let ask = match self.read(body).await {
            Ok(ask) => ask,
            Err((status, why)) => {
                self.metrics.refused(BAD_REQUEST);
                audit::unread(&why);
                return answer::error(status, &why);
            }
        };
        let caller = match self.door.admit(token, &ask.key).await {
            Ok(caller) => caller,
            Err(turned) => {
                self.metrics.refused(turned.reason.name());
                audit::turned(&turned, &ask);
                return answer::turned(&turned);
            }
        };
        if let Some(id) = head.headers.get(REFUSED).and_then(|id| id.to_str().ok())
            && self.desk.age_refused(&ask.key, id)
        {
            self.metrics.revoked.inc();
            audit::revoked(caller.as_ref(), &ask, id);
        }
        let found = self.desk.grant(&ask.key).await;
        let trouble = match found {
            Ok(grant) => {
                let password = self.wire.hands_out(ask.password);
                if let Ok(body) = grant.held.to_body(password) {
                    self.metrics.granted(grant.origin);
                    audit::granted(caller.as_ref(), &ask, &grant, password);
                    return answer::set(body);
                }
                return answer::error(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the set cannot be written",
                );
            }
            Err(trouble) => trouble,
        };
        self.metrics.refused(trouble.cause.class());
        audit::failed(caller.as_ref(), &ask, &trouble);
        answer::trouble(&trouble)
    }

    async fn read(&self, body: Incoming) -> Result<Ask, (StatusCode, String)> {
        let body = timeout(self.body, Limited::new(body, MOST).collect()).await;
        let body = body.map_err(|_| {
            (StatusCode::REQUEST_TIMEOUT, "the body did not end in time".to_owned())
        })?;
        let body = body.map(|body| body.to_bytes()).map_err(|error| unread(error.as_ref()))?;
        parse(&body)
    }
}

fn parse(body: &Bytes) -> Result<Ask, (StatusCode, String)> {
    Ask::parse(body).map_err(|why| (StatusCode::BAD_REQUEST, why))
}

fn unread(error: &(dyn std::error::Error + Send + Sync + 'static)) -> (StatusCode, String) {
    if error.is::<LengthLimitError>() {
        let why = format!("the body is longer than {MOST} bytes");
        return (StatusCode::PAYLOAD_TOO_LARGE, why);
    }
    (StatusCode::BAD_REQUEST, "the body ended early".to_owned())
}

impl Wire {
    fn hands_out(self, asked: Password) -> Password {
        match self {
            Self::Asked => asked,
            Self::Legacy => Password::Wanted,
        }
    }
}
