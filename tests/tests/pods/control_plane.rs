// SPDX-License-Identifier: Apache-2.0
//! stub-canopy as a pod: the control plane that grants credentials, and whoever takes the reports of runs.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::api::{self, Api};
use crate::pod::Pod;
use crate::wait;

const READY: Duration = Duration::from_secs(60);

/// How it is spoken to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Speaks {
    /// With the Secret `tls` of its namespace, on 443.
    Tls,
    /// On 8080.
    Plain,
}

impl Speaks {
    fn scheme(self) -> &'static str {
        match self {
            Speaks::Tls => "HTTPS",
            Speaks::Plain => "HTTP",
        }
    }

    fn port(self) -> u16 {
        match self {
            Speaks::Tls => 443,
            Speaks::Plain => 8080,
        }
    }
}

/// The port of its pod.
pub(crate) const PORT: u16 = 8480;

/// What is there before it runs, and stays when its pod goes: its name and its settings.
pub(crate) fn address(name: &str, speaks: Speaks, config: &Value) -> [Value; 2] {
    [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": speaks.port(), "targetPort": PORT}]}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
            "data": {"config.json": config.to_string()}}),
    ]
}

/// Its pod.
pub(crate) fn pod(name: &str, speaks: Speaks) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let args = match speaks {
        Speaks::Tls => &["--tls-cert=/tls/tls.crt", "--tls-key=/tls/tls.key"][..],
        Speaks::Plain => &[],
    };
    let listen = format!("--listen=[::]:{PORT}");
    let args = [&[listen.as_str(), "--config=/config/config.json"], args].concat();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": {
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [
            {"name": "config", "configMap": {"name": name}},
            {"name": "tls", "secret": {"secretName": "tls", "optional": true}},
        ],
        "containers": [{
            "name": "stub-canopy",
            "image": format!("localhost/pilotfish-store:{version}"),
            "command": ["/usr/local/bin/stub-canopy"],
            "args": args,
            "readinessProbe": {"periodSeconds": 1, "httpGet": {"path": "/healthz", "port": PORT, "scheme": speaks.scheme()}},
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": "config", "mountPath": "/config"}, {"name": "tls", "mountPath": "/tls"}],
        }],
    }})
}

/// Starts its pod in a namespace where its name is already.
pub(crate) fn start(api: &Api, namespace: &str, name: &str) -> anyhow::Result<()> {
    let mut pod = pod(name, Speaks::Plain);
    pod["metadata"]["namespace"] = json!(namespace);
    api::apply(&pod)?;
    await_ready(api, namespace, name)
}

pub(crate) fn await_ready(api: &Api, namespace: &str, name: &str) -> anyhow::Result<()> {
    wait::until(READY, &format!("{namespace}/{name} is ready"), || {
        let pod = Pod(api.get(&format!("/api/v1/namespaces/{namespace}/pods/{name}"))?);
        if let Some(stuck) = pod.stuck() {
            return Err(wait::Hopeless(stuck).into());
        }
        Ok(pod.is_ready().then_some(()))
    })
}

/// Takes its pod away, and with it all that it has taken.
pub(crate) fn stop(namespace: &str, name: &str) -> anyhow::Result<()> {
    api::kubectl(&["-n", namespace, "delete", "pod", name]).map(drop)
}

/// What was posted to a path of a plain one so far, as it was taken.
pub(crate) fn captured(
    api: &Api,
    namespace: &str,
    name: &str,
    path: &str,
) -> anyhow::Result<Vec<Value>> {
    of_path(api, &format!("{namespace}/services/{name}:http/proxy/_captured"), path)
}

/// All requests to a path of one that speaks TLS, and what became of them.
pub(crate) fn heard(
    api: &Api,
    namespace: &str,
    name: &str,
    path: &str,
) -> anyhow::Result<Vec<Value>> {
    of_path(api, &format!("{namespace}/services/https:{name}:http/proxy/_heard"), path)
}

fn of_path(api: &Api, at: &str, path: &str) -> anyhow::Result<Vec<Value>> {
    let all = api.get(&format!("/api/v1/namespaces/{at}"))?;
    let all = all.as_array().context("a list")?;
    Ok(all.iter().filter(|one| one["path"] == path).cloned().collect())
}
