// SPDX-License-Identifier: Apache-2.0
//! Requests to the JSON interface: authorised, tried again, refused in words.

use std::fmt;
use std::time::Duration;

use object_store::gcp::GcpCredentialProvider;
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::time::{Instant, sleep};

use crate::args::Settings;
use crate::error::{Error, Kind};
use crate::gcs::wire::encoded;
use crate::open::{CONNECT, REQUEST, bundle};

/// An error's body is read up to here.
const BODY: usize = 4 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// The interface for one bucket.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    endpoint: String,
    pub(crate) bucket: String,
    credentials: Option<GcpCredentialProvider>,
    pub(crate) retrying: Duration,
}

/// An answer that is none, or a refusal.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: Option<StatusCode>,
    text: String,
}

impl Client {
    pub(crate) fn open(
        endpoint: &str,
        bucket: &str,
        credentials: Option<GcpCredentialProvider>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let unusable = |error: reqwest::Error| Error::new(Kind::Usage, format!("GCS: {error}"));
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(settings.silence)
            .timeout(REQUEST)
            .pool_idle_timeout(Duration::from_secs(4))
            // A status of 308 is no redirect here, and a token follows none.
            .redirect(Policy::none());
        if let Some(pem) = bundle(settings)? {
            for certificate in reqwest::Certificate::from_pem_bundle(&pem).map_err(unusable)? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let http = builder.build().map_err(unusable)?;
        let (endpoint, bucket) = (endpoint.to_owned(), bucket.to_owned());
        Ok(Self { http, endpoint, bucket, credentials, retrying: settings.retrying })
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Of an object's metadata and content.
    pub(crate) fn object_url(&self, key: &str) -> String {
        format!("{}/storage/v1/b/{}/o/{}", self.endpoint, encoded(&self.bucket), encoded(key))
    }

    /// Of the listing.
    pub(crate) fn list_url(&self) -> String {
        format!("{}/storage/v1/b/{}/o", self.endpoint, encoded(&self.bucket))
    }

    /// Of uploads of a kind.
    pub(crate) fn upload_url(&self, kind: &str, key: &str, is_create: bool) -> String {
        let (endpoint, bucket) = (&self.endpoint, encoded(&self.bucket));
        let create = if is_create { "&ifGenerationMatch=0" } else { "" };
        let name = encoded(key);
        format!("{endpoint}/upload/storage/v1/b/{bucket}/o?uploadType={kind}&name={name}{create}")
    }

    /// A session's address on our own endpoint: it is a capability and goes nowhere else.
    pub(crate) fn session_url(&self, location: &str) -> Option<String> {
        let url: url::Url = url::Url::parse(&self.endpoint).ok()?.join(location).ok()?;
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Some(format!("{}{}{query}", self.endpoint, url.path()))
    }

    /// Sends once.
    pub(crate) async fn once(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let request = match &self.credentials {
            Some(credentials) => {
                let token = credentials.get_credential().await.map_err(|error| Failure {
                    status: None,
                    text: format!("no token: {error}"),
                })?;
                request.bearer_auth(&token.bearer)
            }
            None => request,
        };
        request.send().await.map_err(|error| Failure::network(&error))
    }

    /// Sends until there is an answer that asking again would not change. 2xx only is a success.
    pub(crate) async fn send(
        &self,
        make: impl Fn() -> RequestBuilder,
    ) -> Result<Response, Failure> {
        let (deadline, mut pause) = (Instant::now() + self.retrying, FIRST_PAUSE);
        loop {
            let failure = match self.once(make()).await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => Failure::answer(response).await,
                Err(failure) => failure,
            };
            if !failure.is_worth_retrying() || Instant::now() + pause > deadline {
                return Err(failure);
            }
            tracing::debug!(error = %failure, "a request is sent again");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { status: None, text: text.into() }
    }

    /// Without the address: that of a session is a capability.
    pub(crate) fn network(error: &reqwest::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(this) = cause {
            text = this.to_string();
            cause = this.source();
        }
        if error.is_timeout() {
            text = format!("timed out: {text}");
        }
        Self { status: None, text }
    }

    /// What a refusal says.
    pub(crate) async fn answer(mut response: Response) -> Self {
        let status = response.status();
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= BODY {
                body.truncate(BODY);
                break;
            }
        }
        let said = serde_json::from_slice::<serde_json::Value>(&body)
            .ok()
            .and_then(|value| value.pointer("/error/message")?.as_str().map(str::to_owned))
            .unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
        Self { status: Some(status), text: format!("{status}: {said}") }
    }

    pub(crate) fn is_worth_retrying(&self) -> bool {
        match self.status {
            None => true,
            Some(status) => status.is_server_error() || matches!(status.as_u16(), 408 | 429),
        }
    }

    /// As the library says it.
    pub(crate) fn of(self, key: &str) -> object_store::Error {
        use object_store::Error as E;
        let (path, status) = (key.to_owned(), self.status.map(|status| status.as_u16()));
        let source = Box::new(self);
        match status {
            Some(401) => E::Unauthenticated { path, source },
            Some(403) => E::PermissionDenied { path, source },
            Some(404) => E::NotFound { path, source },
            Some(412) => E::AlreadyExists { path, source },
            _ => E::Generic { store: "GCS", source },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
