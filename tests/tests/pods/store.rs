// SPDX-License-Identifier: Apache-2.0
//! The store in the cluster, and the issuer of its credentials: one for all tests.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::api::{self, Api};
use crate::wait;

pub(crate) const NAMESPACE: &str = "pilotfish-store";
pub(crate) const BUCKET: &str = "backups";
/// A group that the issuer grants nothing.
pub(crate) const DENIED: &str = "denied";
/// How long the sets live; the proxies renew at half of it.
const LIFETIME: &str = "3s";

/// Where the proxies send their requests.
pub(crate) fn upstream() -> String {
    format!("https://store.{NAMESPACE}.svc.cluster.local:9443")
}

/// Where the proxies get their credentials.
pub(crate) fn issuer() -> String {
    format!("http://store.{NAMESPACE}.svc.cluster.local:9091")
}

/// Starts the store; the certificate of its authority.
pub(crate) fn start(api: &Api) -> anyhow::Result<String> {
    let ca = testbed::Ca::new()?;
    let name = format!("store.{NAMESPACE}.svc.cluster.local");
    let (certificate, key) = ca.server_pem(&[&name])?;
    api::kubectl(&["delete", "namespace", NAMESPACE, "--ignore-not-found"])?;
    api::apply(&json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls", "namespace": NAMESPACE},
         "stringData": {"tls.crt": certificate, "tls.key": key}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "store-ca", "namespace": NAMESPACE},
         "data": {"ca.crt": ca.pem()}},
        service(),
        pod(),
    ]}))?;
    await_ready(api)?;
    Ok(ca.pem().to_owned())
}

/// Waits until it serves, at first or again.
pub(crate) fn await_ready(api: &Api) -> anyhow::Result<()> {
    wait::until(Duration::from_secs(60), "the store is ready", || {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/store");
        Ok(is_ready(&api.get(&path)?).then_some(()))
    })
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True")
}

fn service() -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "store", "namespace": NAMESPACE},
    "spec": {"selector": {"app": "store"}, "ports": [
        {"name": "s3", "port": 9443}, {"name": "issuer", "port": 9091}]}})
}

/// Its objects lie in an emptyDir, which outlives its containers and a power loss.
fn pod() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({"apiVersion": "v1", "kind": "Pod",
    "metadata": {"name": "store", "namespace": NAMESPACE, "labels": {"app": "store"}},
    "spec": {
        "terminationGracePeriodSeconds": 5,
        "enableServiceLinks": false,
        "volumes": [{"name": "root", "emptyDir": {}}, {"name": "tls", "secret": {"secretName": "tls"}}],
        "containers": [{
            "name": "store",
            "image": format!("localhost/pilotfish-store:{version}"),
            "args": ["--root=/root", "--listen=0.0.0.0:9443", "--issuer-listen=0.0.0.0:9091",
                "--tls-cert=/tls/tls.crt", "--tls-key=/tls/tls.key", format!("--lifetime={LIFETIME}"),
                format!("--bucket={BUCKET}"), format!("--deny-group={DENIED}"), "--region=eu-west-1"],
            "env": [{"name": "TMPDIR", "value": "/root"}],
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": 9091}, "periodSeconds": 1},
            "volumeMounts": [{"name": "root", "mountPath": "/root"}, {"name": "tls", "mountPath": "/tls"}],
        }],
    }})
}

/// How many sets of credentials a group got so far.
pub(crate) fn issued(api: &Api, group: &str) -> anyhow::Result<u64> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/services/store:issuer/proxy/issued");
    let counts = api.get(&path).context("the issuer's counts")?;
    Ok(counts[group].as_u64().unwrap_or_default())
}
