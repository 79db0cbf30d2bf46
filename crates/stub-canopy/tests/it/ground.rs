// SPDX-License-Identifier: Apache-2.0
//! A stub without TLS and a plain HTTP client.

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use stub_canopy::{Config, Stub};

pub(crate) fn start(script: Value) -> Stub {
    Stub::start(Config::new(script)).unwrap()
}

pub(crate) fn client() -> Client {
    let plain = Client::builder().no_proxy().tls_certs_only([]).pool_max_idle_per_host(0);
    plain.build().unwrap()
}

pub(crate) async fn post(stub: &Stub, path: &str, body: &Value) -> reqwest::Result<Response> {
    client().post(format!("{}{path}", stub.url())).json(body).send().await
}

pub(crate) async fn posted(stub: &Stub, path: &str, body: &Value) -> u16 {
    post(stub, path, body).await.unwrap().status().as_u16()
}

pub(crate) async fn read(url: &str, path: &str) -> Value {
    asked(Method::GET, url, path).await.json().await.unwrap()
}

pub(crate) async fn asked(method: Method, url: &str, path: &str) -> Response {
    client().request(method, format!("{url}{path}")).send().await.unwrap()
}

pub(crate) fn report(run: &str) -> Value {
    json!({"run_id": run, "type": "t", "purpose": "backup", "outcome": "success"})
}
