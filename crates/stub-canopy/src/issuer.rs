// SPDX-License-Identifier: Apache-2.0
//! Session credentials, of a testbed store's issuer or always the same.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::script::Source;

/// The issuer is a neighbour: if it takes longer, it is down.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A set, and the password that its issuer gave with it.
pub(crate) struct Set {
    pub(crate) credentials: Value,
    pub(crate) repo_password: Option<String>,
}

pub(crate) fn client() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy();
    // Plain HTTP, so no authority is needed.
    client.tls_certs_only([]).build().context("the client of the issuer")
}

/// # Errors
/// What the issuer did instead.
pub(crate) async fn issue(
    client: &reqwest::Client,
    source: &Source,
    group: &str,
    type_: &str,
    run_id: Option<&str>,
) -> anyhow::Result<Set> {
    let url = match source {
        Source::Static(credentials) => {
            return Ok(Set { credentials: credentials.clone(), repo_password: None });
        }
        Source::Issuer(url) => format!("{}/internal/restore-creds", url.trim_end_matches('/')),
    };
    let request = json!({"group": group, "type": type_, "run_id": run_id});
    let response = client.post(url).json(&request).send().await?;
    let status = response.status();
    if !status.is_success() {
        bail!("the issuer answered {}", status.as_u16());
    }
    let mut answer: Value = serde_json::from_slice(&response.bytes().await?)?;
    let repo_password = answer["repo_password"].as_str().map(str::to_owned);
    match answer["credentials"].take() {
        Value::Object(set) => Ok(Set { credentials: Value::Object(set), repo_password }),
        _ => bail!("the issuer's answer has no credentials"),
    }
}
