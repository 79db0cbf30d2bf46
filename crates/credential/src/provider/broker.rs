// SPDX-License-Identifier: Apache-2.0
//! A broker inside the cluster that hands out restore credentials:
//! `POST /internal/restore-creds` with `{group, type, run_id?}`, answered by
//! `{credentials: {…}, repo_password?}`. With `"repo_password": true` it is asked for the repository's
//! password as well.
//!
//! Redirects are not followed and no forward proxy is used: the answer is a secret and stays in the
//! cluster. What of it was not asked for is wiped unread.

mod answer;
mod client;

use std::sync::PoisonError;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde_json::json;
use tokio::sync::Mutex;

use crate::broker::{BrokerArgs, BrokerUrl};
use crate::document::Document;
use crate::provider::{BoxFuture, Provider};
use crate::{Credential, Error, Kind, Secret, secret_file};
use client::Connected;

const PATH: &str = "/internal/restore-creds";
/// Says which set the store refuses, so that a broker that keeps sets does not hand it out again. Brokers that
/// do not know it leave it unread.
const REFUSED: HeaderName = HeaderName::from_static("pilotfish-refused-access-key-id");

pub(crate) struct Broker {
    name: String,
    endpoint: Url,
    request: String,
    arguments: BrokerArgs,
    client: Mutex<Connected>,
    refused: std::sync::Mutex<Option<HeaderValue>>,
}

/// What a broker is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Credentials,
    RepoPassword,
}

impl Broker {
    /// Reads the CA file, so that a missing one is found at start.
    pub(crate) fn open(
        url: &BrokerUrl,
        arguments: BrokerArgs,
        wanted: Wanted,
    ) -> Result<Self, Error> {
        let name = format!("broker:{url}");
        let refuse = |message: String| Error::new(Kind::Invalid, &name, message);
        let endpoint = endpoint(url.as_str()).map_err(refuse)?;
        let client = Connected::open(&endpoint, arguments.ca.as_deref()).map_err(refuse)?;
        let mut request = json!({"group": arguments.group, "type": arguments.type_});
        if wanted == Wanted::RepoPassword {
            request["repo_password"] = true.into();
        }
        if let Some(run_id) = &arguments.run_id {
            request["run_id"] = run_id.as_str().into();
        }
        Ok(Self {
            name,
            endpoint,
            request: request.to_string(),
            arguments,
            client: Mutex::new(client),
            refused: std::sync::Mutex::default(),
        })
    }

    /// The password in the broker's answer.
    pub(crate) async fn repo_password(&self) -> Result<Secret, Error> {
        answer::repo_password(self.ask().await?).map_err(|defect| self.unusable(defect))
    }

    async fn credentials(&self) -> Result<Credential, Error> {
        answer::credentials(self.ask().await?).map_err(|defect| self.unusable(defect))
    }

    /// The answer, if it is no refusal.
    async fn ask(&self) -> Result<Document, Error> {
        let client = self.client().await?;
        let mut request = client
            .post(self.endpoint.clone())
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(self.request.clone());
        if let Some(token) = self.token().await? {
            request = request.header(AUTHORIZATION, token);
        }
        if let Some(refused) = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            request = request.header(REFUSED, refused);
        }
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        let retry_after = answer::retry_after(response.headers());
        let body = self.body(response).await?;
        answer::document(status, &body).map_err(|refusal| {
            Error::new(refusal.kind, &self.name, refusal.message).with_retry_after(retry_after)
        })
    }

    /// The client, with the CA file as it is now.
    async fn client(&self) -> Result<reqwest::Client, Error> {
        let mut connected = self.client.lock().await;
        if let Some(path) = &self.arguments.ca {
            let bundle = secret_file::read(path, secret_file::BUNDLE_LIMIT).await;
            // The one that was good a moment ago serves while the file is being replaced.
            if let Err(defect) = bundle.map_or(Ok(()), |now| connected.renew(&self.endpoint, &now))
            {
                tracing::warn!(error = %defect, "the changed CA file of the broker is not used");
            }
        }
        Ok(connected.client())
    }

    /// The bearer token as the file holds it now: mounted tokens are replaced while we run.
    async fn token(&self) -> Result<Option<HeaderValue>, Error> {
        let Some(path) = &self.arguments.token_file else { return Ok(None) };
        let at = path.display();
        let bytes = secret_file::read(path, secret_file::LIMIT).await.map_err(|error| {
            Error::new(Kind::Unavailable, &self.name, format!("token file {at}: {error}"))
        })?;
        let invalid =
            |what: &str| Error::new(Kind::Invalid, &self.name, format!("token file {at} {what}"));
        let token = bytes.trim_ascii();
        if token.is_empty() {
            return Err(invalid("is empty"));
        }
        let mut value = HeaderValue::from_bytes(&[b"Bearer ", token].concat())
            .map_err(|_| invalid("holds a character that no header can carry"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    async fn body(
        &self,
        mut response: reqwest::Response,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
        let mut body = zeroize::Zeroizing::new(Vec::with_capacity(secret_file::LIMIT));
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + piece.len() > secret_file::LIMIT {
                let message = format!("answered with more than {} KiB", secret_file::LIMIT / 1024);
                return Err(Error::new(Kind::Invalid, &self.name, message));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn unusable(&self, defect: String) -> Error {
        Error::new(Kind::Invalid, &self.name, format!("its answer: {defect}"))
    }

    fn unreachable(&self, error: reqwest::Error) -> Error {
        let kind = if error.is_timeout() { Kind::Timeout } else { Kind::Unavailable };
        let causes = excerpt::causes(&error.without_url());
        let hint = if causes.contains("certificate") {
            "; the CA that signed the broker's certificate is not trusted here, or the name differs"
        } else {
            ""
        };
        Error::new(kind, &self.name, format!("{causes}{hint}"))
    }
}

/// Where to post to: the base with the path, or the full address as given.
pub(crate) fn endpoint(url: &str) -> Result<Url, String> {
    let mut parsed: Url = url.parse().map_err(|error| format!("the broker's URL: {error}"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err("the broker's URL must begin with https:// or http://".to_owned());
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("the broker's URL must not hold credentials: use a token file".to_owned());
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err("the broker's URL must have neither query nor fragment".to_owned());
    }
    let base = parsed.path().trim_end_matches('/');
    let path = if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") };
    parsed.set_path(&path);
    Ok(parsed)
}

impl Provider for Broker {
    fn name(&self) -> &str {
        &self.name
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credential, Error>> {
        Box::pin(self.credentials())
    }

    fn store_refuses(&self, access_key_id: Option<&str>) {
        let refused = access_key_id.and_then(|id| HeaderValue::from_str(id).ok());
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }

    /// A little more than the client's own limit, whose message says more.
    fn timeout(&self) -> Duration {
        client::TOTAL + Duration::from_secs(1)
    }
}

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[test]
    fn the_path_is_added_once() {
        let full = "http://b:9091/internal/restore-creds";
        for url in
            ["http://b:9091", "http://b:9091/", full, "http://b:9091/internal/restore-creds/"]
        {
            assert_eq!(endpoint(url).unwrap().as_str(), full, "{url}");
        }
        let below = endpoint("https://b/pgro/").unwrap();
        assert_eq!(below.as_str(), "https://b/pgro/internal/restore-creds");
    }

    #[test]
    fn an_url_with_a_secret_in_it_is_refused_without_being_shown() {
        let complaint = endpoint("http://user:hush@b").unwrap_err();
        assert!(complaint.contains("token file") && !complaint.contains("hush"), "{complaint}");
        assert!(endpoint("http://b/?a=b").is_err() && endpoint("b:9091").is_err());
    }
}
