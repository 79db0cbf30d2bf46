// SPDX-License-Identifier: Apache-2.0
//! Questions in plain HTTP to an etcd on loopback.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// It is a process beside us: one that has not answered by then is asked again.
const PATIENCE: Duration = Duration::from_secs(2);
/// More than any answer has, in bytes.
const LIMIT: u64 = 64 * 1024;

/// Asks, with a JSON body if one is given, and reads a JSON answer.
///
/// # Errors
/// No answer, a refusal with its words, or one that has another form.
pub(crate) async fn get<T: DeserializeOwned>(url: &str, body: Option<&Value>) -> anyhow::Result<T> {
    get_within(url, body, PATIENCE).await
}

/// As [`get`], for what takes its time.
///
/// # Errors
/// As of [`get`].
pub(crate) async fn get_within<T: DeserializeOwned>(
    url: &str,
    body: Option<&Value>,
    patience: Duration,
) -> anyhow::Result<T> {
    // A proxy of the pod's environment has no business between two neighbours. Plain HTTP needs no authority, and
    // there are images that have none: asked for the system's, a client is not built there.
    let client =
        reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(patience).build()?;
    let request = client.get(url);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let answer = request.send().await.with_context(|| url.to_owned())?;
    let (status, length) = (answer.status(), answer.content_length().unwrap_or_default());
    if length > LIMIT {
        bail!("{url}: an answer of {length} bytes");
    }
    let bytes = answer.bytes().await.with_context(|| url.to_owned())?;
    if !status.is_success() {
        let text: String = String::from_utf8_lossy(&bytes).trim().chars().take(200).collect();
        bail!("{url}: {status}: {text}");
    }
    serde_json::from_slice(&bytes).with_context(|| format!("{url}: an answer of another form"))
}
