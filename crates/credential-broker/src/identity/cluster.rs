// SPDX-License-Identifier: Apache-2.0
//! The two questions to the API server: whose token is this, and how is that namespace marked?
//!
//! Answers are read here and not by the client library, which logs an answer that it cannot read: a review's
//! answer holds the token.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewStatus};
use k8s_openapi::api::core::v1::Namespace;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::de::DeserializeOwned;
use serde_json::json;
use sidecar::{Exit, Failure};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::Token;

const CONNECT: Duration = Duration::from_secs(3);
/// One question, connecting included.
const LIMIT: Duration = Duration::from_secs(5);
/// Annotations of a namespace have 256 KiB at most.
const MOST: usize = 1024 * 1024;

/// The API server.
#[derive(Clone)]
pub(crate) struct Cluster(Client);

/// It did not answer, or not as it should. One bounded line.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Outage(String);

/// Labels and annotations of a namespace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metadata {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Cluster {
    /// A file, else `KUBECONFIG`, else the pod's own service account. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Exit::Usage`]: there is no cluster here.
    pub(crate) async fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let config = config(file).await.map_err(|error| Failure::new(Exit::Usage, error))?;
        let client = Client::try_from(config).context("the API server's client")?;
        Ok(Self(client))
    }

    /// Asks whose token it is. What comes back is not yet judged.
    pub(crate) async fn review(
        &self,
        token: &Token,
        audience: &str,
    ) -> Result<TokenReviewStatus, Outage> {
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token.expose(), "audiences": [audience]},
        });
        let uri = "/apis/authentication.k8s.io/v1/tokenreviews";
        let review = self.ask::<TokenReview>(Method::POST, uri, body.to_string()).await?;
        let review = review.ok_or_else(|| Outage("it has no TokenReview".to_owned()))?;
        review.status.ok_or_else(|| Outage("its review has no status".to_owned()))
    }

    /// A namespace's marks; nothing if it is gone. The name came from the API server.
    pub(crate) async fn namespace(&self, name: &str) -> Result<Option<Metadata>, Outage> {
        let uri = format!("/api/v1/namespaces/{name}");
        let found = self.ask::<Namespace>(Method::GET, &uri, String::new()).await?;
        Ok(found.map(|namespace| Metadata {
            labels: namespace.metadata.labels.unwrap_or_default(),
            annotations: namespace.metadata.annotations.unwrap_or_default(),
        }))
    }

    /// The object, or nothing for 404.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        uri: &str,
        body: String,
    ) -> Result<Option<T>, Outage> {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(Body::from(body.into_bytes()))
            .map_err(|_| Outage("the question cannot be asked: an odd name".to_owned()))?;
        let answer = timeout(LIMIT, self.send(request)).await;
        let (status, body) = answer.map_err(|_| Outage("no answer in time".to_owned()))??;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => serde_json::from_slice(&body)
                .map(Some)
                .map_err(|_| Outage("its answer was not understood".to_owned())),
            StatusCode::FORBIDDEN => Err(Outage(
                "it forbids the question: the broker needs to create tokenreviews and get namespaces"
                    .to_owned(),
            )),
            status => Err(Outage(format!("it answered {}", status.as_u16()))),
        }
    }

    async fn send(
        &self,
        request: Request<Body>,
    ) -> Result<(StatusCode, Zeroizing<Vec<u8>>), Outage> {
        let response =
            self.0.send(request).await.map_err(|error| Outage(excerpt::causes(&error)))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST).collect().await;
        let body = body.map_err(|error| Outage(excerpt::causes(error.as_ref())))?;
        Ok((status, Zeroizing::new(body.to_bytes().to_vec())))
    }
}

async fn config(file: Option<&Path>) -> anyhow::Result<Config> {
    let mut config = match file {
        Some(path) => {
            let at = || format!("--kube-config {}", path.display());
            let file = Kubeconfig::read_from(path).with_context(at)?;
            let options = KubeConfigOptions::default();
            Config::from_custom_kubeconfig(file, &options).await.with_context(at)?
        }
        None => Config::infer().await.context(
            "callers are checked by the API server, and there is no way to it here: run in a pod with a \
             service account, or give --kube-config",
        )?,
    };
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(LIMIT);
    config.reset_reader_on_write = true;
    // One layer retries, and that is the caller's.
    config.default_retry = false;
    Ok(config)
}
