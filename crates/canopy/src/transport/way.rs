// SPDX-License-Identifier: Apache-2.0
//! One way to the control plane: its host, its HTTP client, and one exchange over it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use credential::Clock;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use reqwest::{Response, Url};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::Body;
use super::connected::{Connected, Sources};
use crate::request::{Bound, Call};
use crate::{Config, Error, Kind, Reached, answer};

/// The probe's own limit.
const PROBE: Duration = Duration::from_secs(5);

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The public host; the certificate says who asks.
    Public,
    /// The tailnet's; the tailnet says who asks.
    Tailnet,
}

/// A call that failed on one way.
pub(crate) struct Failure {
    pub(super) error: Error,
    pub(super) reached: Reached,
}

pub(crate) struct Way {
    side: Side,
    base: Url,
    clock: Arc<dyn Clock>,
    connected: Mutex<Connected>,
}

impl Way {
    /// Reads its files; nothing is sent.
    pub(super) fn open(side: Side, base: Url, config: &Config) -> Result<Self, Error> {
        let sources = match side {
            Side::Public => Sources::public(&base, config),
            Side::Tailnet => Sources::tailnet(&base, config),
        };
        let connected = Connected::open(sources, config.clock.now())
            .map_err(|message| Error::new(Kind::Invalid, base.as_str(), message))?;
        let clock = Arc::clone(&config.clock);
        Ok(Self { side, base, clock, connected: Mutex::new(connected) })
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Does the host answer `GET /servers` with a success, soon?
    pub(super) async fn probe(&self) -> bool {
        let request = self.client().await.get(self.url("/servers")).timeout(PROBE);
        match request.send().await {
            Ok(response) => response.status().is_success(),
            Err(error) => {
                let error = excerpt::causes(&error.without_url());
                tracing::debug!(error, "the probe of the tailnet failed");
                false
            }
        }
    }

    /// One exchange; the body of a success.
    pub(super) async fn send(&self, call: &Call, bound: Bound) -> Result<Body, Failure> {
        let response = self.exchange(call).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.body(call, response, bound).await;
        tracing::debug!(path = call.path, side = ?self.side, status = status.as_u16(), "called");
        if status.is_success() {
            return body;
        }
        // The status says enough: what is wrong with the body of a refusal changes nothing.
        let body = body.unwrap_or_default();
        let error = answer::refusal(call, status, &headers, &body, self.now());
        Err(Failure { error, reached: Reached::Answered })
    }

    async fn exchange(&self, call: &Call) -> Result<Response, Failure> {
        let client = self.client().await;
        let mut request = client.request(call.method.clone(), self.url(call.path));
        request = request.header("accept", "application/json");
        if let Some(key) = &call.key {
            let key = HeaderValue::from_str(key).map_err(|_| Failure {
                error: Error::new(
                    Kind::Invalid,
                    &call.name(),
                    "the run id is not fit for a header",
                ),
                reached: Reached::Never,
            })?;
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = &call.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .header(CONTENT_ENCODING, "gzip")
                .body(body.clone());
        }
        request.send().await.map_err(|error| {
            let reached = if error.is_connect() { Reached::Never } else { Reached::Perhaps };
            Failure { error: broken(call, error), reached }
        })
    }

    async fn body(
        &self,
        call: &Call,
        mut response: Response,
        bound: Bound,
    ) -> Result<Body, Failure> {
        let announced = response.content_length().unwrap_or(0);
        // Room for all that is announced: a growing vector leaves unwiped copies of secrets behind.
        let room = usize::try_from(announced).unwrap_or(usize::MAX).clamp(ROOM, bound.bytes());
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        loop {
            let piece = response.chunk().await.map_err(|error| Failure {
                error: broken(call, error),
                reached: Reached::Perhaps,
            })?;
            let Some(piece) = piece else { return Ok(body) };
            if body.len() + piece.len() > bound.bytes() {
                let message = format!("answered with more than {} MiB", bound.bytes() >> 20);
                let error = Error::new(Kind::Invalid, &call.name(), message);
                return Err(Failure { error, reached: Reached::Answered });
            }
            body.extend_from_slice(&piece);
        }
    }

    async fn client(&self) -> reqwest::Client {
        self.connected.lock().await.client(self.now()).await
    }

    /// The base with the path below it, and what the tailnet wants between them.
    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let prefix = match self.side {
            Side::Public => "",
            Side::Tailnet => "/public",
        };
        url.set_path(&format!("{}{prefix}{path}", self.base.path().trim_end_matches('/')));
        url
    }
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let base = self.base.as_str();
        f.debug_struct("Way").field("side", &self.side).field("base", &base).finish_non_exhaustive()
    }
}

/// Answers with secrets in them are smaller.
const ROOM: usize = 16 * 1024;

fn broken(call: &Call, error: reqwest::Error) -> Error {
    let kind = if error.is_timeout() { Kind::Timeout } else { Kind::Unavailable };
    let causes = excerpt::causes(&error.without_url());
    let hint = if causes.contains("certificate") || causes.contains("alert") {
        "; one side does not take the other's certificate: see --canopy-ca-bundle and --canopy-device-key"
    } else {
        ""
    };
    Error::new(kind, &call.name(), format!("{causes}{hint}"))
}
