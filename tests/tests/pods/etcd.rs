// SPDX-License-Identifier: Apache-2.0
//! An etcd as users have it: a StatefulSet of etcd's own image, which has no shell, clients by certificate alone.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testbed::Ca;

use crate::api;
use crate::bed::Bed;
use crate::wait;

const IMAGE: &str = "localhost/etcd:v3.6.16";
const READY: Duration = Duration::from_secs(120);
/// Whose certificate the backup shows. It is a user's name where authentication is on.
const CLIENT: &str = "backup";

/// A cluster in a namespace.
pub(crate) struct Etcd<'a> {
    bed: &'a Bed,
    /// Who signed the certificates of its members and of those that it serves.
    pub(crate) ca: Ca,
}

impl<'a> Etcd<'a> {
    /// Starts so many members, all at once, and waits until each serves.
    pub(crate) fn start(bed: &'a Bed, members: usize) -> anyhow::Result<Etcd<'a>> {
        let etcd = Etcd { bed, ca: Ca::new()? };
        let namespace = bed.namespace.as_str();
        let services = format!("*.etcd.{namespace}.svc.cluster.local");
        let names = ["localhost", "etcd-0.etcd", "etcd-1.etcd", "etcd-2.etcd", &services];
        let server = etcd.ca.server_pem(&names)?;
        let client = client_of(&etcd.ca)?;
        let ca = etcd.ca.pem();
        api::apply(&json!({"apiVersion": "v1", "kind": "List", "items": [
            tls(namespace, "etcd-server-tls", ca, &server),
            tls(namespace, "etcd-backup-tls", ca, &client),
            service(namespace),
            stateful_set(namespace, members),
        ]}))?;
        etcd.await_ready(members)?;
        Ok(etcd)
    }

    fn await_ready(&self, members: usize) -> anyhow::Result<()> {
        let namespace = &self.bed.namespace;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/etcd");
        let is_ready =
            |set: &Value| set["status"]["readyReplicas"].as_u64() == Some(members as u64);
        wait::until(READY, "all members serve", || {
            Ok(is_ready(&self.bed.api().get(&path)?).then_some(()))
        })
        .with_context(|| self.bed.story())
    }

    /// Runs etcdctl in the first member; what it prints.
    pub(crate) fn ctl(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let exec = ["kubectl", "-n", &self.bed.namespace, "exec", "-i", "etcd-0", "--", "etcdctl"];
        let mut command = api::cluster(&[&exec[..], arguments].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        child.stdin.take().context("standard input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "etcdctl {}: {complaint}", arguments.join(" "));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// 53 keys: fifty small ones, one of 100 KiB, one in many bytes a letter, and a last one.
    pub(crate) fn fill(&self) -> anyhow::Result<()> {
        let puts: String = (0..50).map(|n| format!("put key-{n:02} value-{:x}\n", n * n)).collect();
        self.ctl(&["txn"], &format!("\n{puts}\n\n"))?;
        self.ctl(&["put", "large"], &"x".repeat(100 << 10))?;
        self.ctl(&["put", "schl\u{fc}ssel", "\u{503c}\u{1f511}"], "")?;
        self.ctl(&["put", "sentinel", "the last"], "").map(drop)
    }

    /// The revision that etcd itself says it is at.
    pub(crate) fn revision(&self) -> anyhow::Result<u64> {
        let answer = self.ctl(&["get", "sentinel", "-w", "json"], "")?;
        let answer: Value = serde_json::from_str(&answer)?;
        answer["header"]["revision"].as_u64().context("a revision")
    }
}

/// Certificate and key of the backup, signed by an authority.
pub(crate) fn client_of(ca: &Ca) -> anyhow::Result<(String, String)> {
    let folder = tempfile::tempdir()?;
    let files = ca.client_files(folder.path(), CLIENT)?;
    Ok((std::fs::read_to_string(files.certificate)?, std::fs::read_to_string(files.key)?))
}

/// A Secret as cert-manager makes it.
pub(crate) fn tls(
    namespace: &str,
    name: &str,
    ca: &str,
    (certificate, key): &(String, String),
) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": {"ca.crt": ca, "tls.crt": certificate, "tls.key": key}})
}

/// Members find each other before they are ready.
fn service(namespace: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "etcd", "namespace": namespace},
    "spec": {"clusterIP": "None", "publishNotReadyAddresses": true, "selector": {"app": "etcd"},
        "ports": [{"name": "client", "port": 2379}, {"name": "peer", "port": 2380}]}})
}

fn stateful_set(namespace: &str, members: usize) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "etcd", "namespace": namespace},
    "spec": {
        "serviceName": "etcd",
        "replicas": members,
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": {"app": "etcd"}},
        "template": {"metadata": {"labels": {"app": "etcd"}}, "spec": {
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": 5,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "data", "emptyDir": {}},
                {"name": "tls", "secret": {"secretName": "etcd-server-tls", "defaultMode": 0o444}}],
            "containers": [member(members)],
        }}}})
}

fn member(members: usize) -> Value {
    let peers: Vec<String> =
        (0..members).map(|n| format!("etcd-{n}=http://etcd-{n}.etcd:2380")).collect();
    json!({
        "name": "etcd",
        "image": IMAGE,
        "command": ["etcd", "--name=$(POD)", "--data-dir=/data/etcd",
            format!("--initial-cluster={}", peers.join(",")), "--initial-cluster-state=new",
            "--initial-advertise-peer-urls=http://$(POD).etcd:2380", "--listen-peer-urls=http://0.0.0.0:2380",
            "--advertise-client-urls=https://$(POD).etcd:2379", "--listen-client-urls=https://0.0.0.0:2379",
            "--listen-metrics-urls=http://0.0.0.0:2381", "--client-cert-auth",
            "--trusted-ca-file=/tls/ca.crt", "--cert-file=/tls/tls.crt", "--key-file=/tls/tls.key"],
        "env": [
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "ETCDCTL_ENDPOINTS", "value": "https://localhost:2379"},
            {"name": "ETCDCTL_CACERT", "value": "/tls/ca.crt"},
            {"name": "ETCDCTL_CERT", "value": "/tls/tls.crt"},
            {"name": "ETCDCTL_KEY", "value": "/tls/tls.key"},
        ],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 2381}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tls", "mountPath": "/tls", "readOnly": true}],
    })
}
