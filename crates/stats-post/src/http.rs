// SPDX-License-Identifier: Apache-2.0
//! Plain posts of JSON: no forward proxy, no redirect, 10 s for one of them.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Certificate, Client, Url};

use crate::about::Key;
use crate::answer::{self, Answer};
use crate::secret_files::{SecretFiles, is_repeated};

/// One whole post and its answer.
pub(crate) const TOTAL: Duration = Duration::from_secs(10);
/// What is read of an answer.
const ANSWER_BYTES: usize = 4096;
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The one client of all plain posts.
#[derive(Debug)]
pub(crate) struct Http {
    client: Client,
    files: SecretFiles,
}

/// Whether a client needs the platform's authorities, which an image may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    Used,
    Unused,
}

impl Http {
    /// # Errors
    /// A CA bundle that holds none.
    pub(crate) fn open(files: SecretFiles, ca: Option<&Path>, tls: Tls) -> Result<Self, String> {
        let certificates = ca.map_or(Ok(Vec::new()), bundle)?;
        let builder = Client::builder()
            .user_agent(concat!("stats-post/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(TOTAL / 3)
            .timeout(TOTAL)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // Half a minute passes between two posts: a kept connection may have died unnoticed.
            .pool_max_idle_per_host(0)
            .http1_only();
        let builder = match tls {
            Tls::Used => builder.tls_certs_merge(certificates),
            Tls::Unused => builder.tls_certs_only(certificates),
        };
        let client =
            builder.build().map_err(|error| format!("TLS: {}", excerpt::causes(&error)))?;
        Ok(Self { client, files })
    }

    /// What is wrong with the files that go with each post, as they are now.
    pub(crate) fn lack(&self) -> Option<String> {
        self.files.read().err()
    }

    /// Posts, and says what became of it.
    pub(crate) async fn post(&self, url: &Url, body: Vec<u8>, key: Option<&Key>) -> Answer {
        let secrets = match self.files.read() {
            Ok(secrets) => secrets,
            Err(why) => return Answer::Unsent(why),
        };
        let mut request = self.client.post(url.clone()).headers(secrets.clone());
        if let Some(key) = key {
            request = request.header(IDEMPOTENCY_KEY, key.as_str());
        }
        match request.header(CONTENT_TYPE, "application/json").body(body).send().await {
            Ok(response) => heard(response, &secrets).await,
            Err(error) if error.is_connect() => Answer::Unsent(unreachable(error)),
            Err(error) => Answer::Later(unreachable(error), None),
        }
    }
}

/// The status decides, even where the rest of the answer is lost.
async fn heard(mut response: reqwest::Response, secrets: &HeaderMap) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while body.len() < ANSWER_BYTES && !status.is_success() {
        match response.chunk().await {
            Ok(Some(piece)) => body.extend_from_slice(&piece),
            _ => break,
        }
    }
    body.truncate(ANSWER_BYTES);
    if is_repeated(secrets, &body) {
        body = b"its words repeat a secret of ours and are left out".to_vec();
    }
    answer::judge(status, &headers, &body)
}

fn bundle(path: &Path) -> Result<Vec<Certificate>, String> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| format!("--ca-bundle {shown}: {error}"))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(format!("--ca-bundle {shown}: there is no PEM certificate in it")),
    }
}

fn unreachable(error: reqwest::Error) -> String {
    // The path and the query of a webhook are secrets.
    let causes = excerpt::causes(&error.without_url());
    match causes.contains("certificate") {
        true => format!(
            "{causes}; the CA that signed the server's certificate is not trusted here, or the name differs"
        ),
        false => causes,
    }
}
