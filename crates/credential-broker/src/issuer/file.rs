// SPDX-License-Identifier: Apache-2.0
//! A file as the issuer, for development: what it grants is read anew at each issuance.
//!
//! `{"grants": [{"group", "type", "credentials": {…} | "issuer": "http://…", "repo_password"?}]}`; an
//! `issuer` is another server of `POST /internal/restore-creds`.

use std::path::PathBuf;
use std::time::Duration;

use canopy::wire::{CredentialProcess, RestoreCredentials};
use credential::Secret;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::request::Key;
use crate::trouble::{Cause, Trouble};

const PATH: &str = "/internal/restore-creds";
const MOST: usize = 64 * 1024;
const LIMIT: Duration = Duration::from_secs(10);

/// The file.
pub(crate) struct File {
    path: PathBuf,
    client: reqwest::Client,
}

#[derive(Deserialize)]
struct Grants {
    grants: Vec<Grant>,
}

#[derive(Deserialize)]
struct Grant {
    group: String,
    #[serde(rename = "type")]
    type_: String,
    credentials: Option<CredentialProcess>,
    issuer: Option<String>,
    repo_password: Option<Password>,
}

#[derive(Deserialize)]
#[serde(from = "String")]
struct Password(Secret);

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

impl File {
    /// The file may come later.
    ///
    /// # Errors
    /// No HTTP client can be built here.
    pub(crate) fn open(path: PathBuf) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_certs_only([])
            .build()?;
        Ok(Self { path, client })
    }

    pub(super) fn name(&self) -> String {
        format!("file:{}", self.path.display())
    }

    pub(super) async fn issue(&self, key: &Key) -> Result<RestoreCredentials, Trouble> {
        let Grants { grants } = self.read()?;
        let is_asked = |grant: &Grant| grant.group == key.group && grant.type_ == key.type_;
        let grant = grants.into_iter().find(is_asked);
        let grant = grant.ok_or_else(|| Trouble::new(Cause::Denied, "no grant in the file"))?;
        let password = grant.repo_password.map(|Password(secret)| secret);
        match (grant.credentials, grant.issuer) {
            (Some(credentials), None) => {
                Ok(RestoreCredentials { credentials, repo_password: password })
            }
            (None, Some(url)) => {
                let issued = self.ask(&url, key).await?;
                Ok(RestoreCredentials {
                    repo_password: password.or(issued.repo_password),
                    ..issued
                })
            }
            _ => Err(unconfigured("a grant in the file needs credentials, or an issuer")),
        }
    }

    fn read(&self) -> Result<Grants, Trouble> {
        let text = small_file::read(&self.path, crate::LARGEST_FILE).map_err(|error| {
            unconfigured(&format!("the file of grants cannot be read: {error}"))
        })?;
        serde_json::from_slice(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            unconfigured(&format!("the file of grants is wrong at line {line} column {column}"))
        })
    }

    async fn ask(&self, url: &str, key: &Key) -> Result<RestoreCredentials, Trouble> {
        let mut request = json!({"group": key.group, "type": key.type_, "repo_password": true});
        if let Some(run_id) = &key.run_id {
            request["run_id"] = run_id.as_str().into();
        }
        let url = format!("{}{PATH}", url.trim_end_matches('/'));
        let response = self.client.post(url).json(&request).send().await.map_err(outage)?;
        let status = response.status();
        let body = bounded(response).await?;
        if !status.is_success() {
            let said = serde_json::from_slice::<serde_json::Value>(&body).ok();
            let said = said.as_ref().and_then(|body| body["error"].as_str());
            return Err(Trouble::of_status(status.as_u16(), said));
        }
        serde_json::from_slice(&body)
            .map_err(|_| Trouble::new(Cause::NotUnderstood, "the issuer's answer is no set"))
    }
}

async fn bounded(mut response: reqwest::Response) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let mut body = Zeroizing::new(Vec::with_capacity(MOST));
    while let Some(piece) = response.chunk().await.map_err(outage)? {
        if body.len() + piece.len() > MOST {
            return Err(Trouble::new(Cause::NotUnderstood, "the issuer's answer has no end"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn outage(error: reqwest::Error) -> Trouble {
    let cause = if error.is_timeout() { Cause::TimedOut } else { Cause::Unreachable };
    Trouble::new(cause, excerpt::causes(&error.without_url()))
}

fn unconfigured(why: &str) -> Trouble {
    Trouble::new(Cause::Unconfigured, why)
}
