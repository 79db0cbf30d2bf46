// SPDX-License-Identifier: Apache-2.0
//! A small API server: it knows one pod's token, and the labels of its namespace.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::ground::{GROUP, NAMESPACE, TYPE};

/// Whom the pod's token is meant for.
pub(crate) const AUDIENCE: &str = "credential-broker";
/// The broker's own token.
pub(crate) const BROKERS: &str = "the-brokers-own-token-towards-the-api-server";

/// It ends when it is dropped.
pub(crate) struct ApiServer {
    addr: SocketAddr,
    /// The pod's, as a kubelet writes it.
    pub(crate) token: String,
    runtime: Option<Runtime>,
}

impl ApiServer {
    pub(crate) fn start() -> anyhow::Result<ApiServer> {
        let token = token();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let addr = listener.local_addr()?;
        let known: Arc<str> = token.as_str().into();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let known = Arc::clone(&known);
                let service = service_fn(move |request| reply(Arc::clone(&known), request));
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(ApiServer { addr, token, runtime: Some(runtime) })
    }

    /// How the broker finds it.
    pub(crate) fn write_config(&self, path: &Path) -> std::io::Result<()> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": format!("http://{}", self.addr)}}],
            "users": [{"name": "u", "user": {"token": BROKERS}}],
        });
        std::fs::write(path, config.to_string())
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn token() -> String {
    let signature: String = std::iter::repeat_with(fastrand::alphanumeric).take(43).collect();
    let claims = json!({"aud": [AUDIENCE], "exp": Timestamp::now().as_second() + 3600});
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{signature}", part(r#"{"alg":"RS256"}"#), part(&claims.to_string()))
}

async fn reply(
    known: Arc<str>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let own = format!("Bearer {BROKERS}");
    let is_broker = head.headers.get(header::AUTHORIZATION).is_some_and(|it| *it == own);
    let (status, answer) = match head.uri.path() {
        _ if !is_broker => (StatusCode::UNAUTHORIZED, json!({"kind": "Status", "code": 401})),
        "/apis/authentication.k8s.io/v1/tokenreviews" => {
            (StatusCode::CREATED, review(&known, &body))
        }
        path => namespace(path),
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.to_string())));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}

fn review(known: &str, body: &[u8]) -> Value {
    let mut review: Value = serde_json::from_slice(body).unwrap_or_default();
    let is_known =
        review["spec"]["token"] == known && review["spec"]["audiences"] == json!([AUDIENCE]);
    review["status"] = match is_known {
        true => json!({
            "authenticated": true,
            "audiences": [AUDIENCE],
            "user": {"username": format!("system:serviceaccount:{NAMESPACE}:kopia")},
        }),
        false => json!({"authenticated": false, "error": "invalid bearer token"}),
    };
    review
}

fn namespace(path: &str) -> (StatusCode, Value) {
    if path.strip_prefix("/api/v1/namespaces/") != Some(NAMESPACE) {
        let absent = json!({"kind": "Status", "apiVersion": "v1", "code": 404, "metadata": {}});
        return (StatusCode::NOT_FOUND, absent);
    }
    let labels = json!({"pgro.bes.au/group": GROUP, "pgro.bes.au/type": TYPE});
    let metadata = json!({"name": NAMESPACE, "labels": labels});
    (StatusCode::OK, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))
}
