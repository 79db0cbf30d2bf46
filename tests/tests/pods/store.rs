// SPDX-License-Identifier: Apache-2.0
//! The store in the cluster, and the issuer of its credentials: one for all tests, and one behind the broker.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::api::{self, Api};
use crate::pod::Pod;
use crate::wait;

pub(crate) const NAMESPACE: &str = "pilotfish-store";
pub(crate) const BUCKET: &str = "backups";
/// A group that the issuer grants nothing.
pub(crate) const DENIED: &str = "denied";
/// What the pairs of the etcd pods may do: the policies of docs/operations.md.
const GRANTS: [&str; 13] = [
    "--grant=upload=s3:PutObject",
    "--grant=upload=s3:AbortMultipartUpload",
    "--grant=upload=s3:GetObject:*.snap.json",
    "--grant=upload=s3:GetObject:*/runs/*",
    "--grant=check=s3:ListBucket",
    "--grant=check=s3:GetObject",
    "--grant=prune=s3:ListBucket",
    "--grant=prune=s3:GetObject:*.json",
    "--grant=prune=s3:DeleteObject",
    "--grant=proofs=s3:ListBucket",
    "--grant=proofs=s3:PutObject:*-claims/*/proofs/*",
    "--grant=claims=s3:PutObject:*-claims/*",
    "--grant=claims=s3:GetObject:*-claims/*",
];
/// How long the sets live; the proxies renew at half of it.
const LIFETIME: &str = "3s";

/// Certificate and key of all servers of a namespace, as PEM.
pub(crate) type Tls = (String, String);

/// Where the proxies send their requests.
pub(crate) fn upstream() -> String {
    upstream_in(NAMESPACE)
}

/// The same of the store in a namespace.
pub(crate) fn upstream_in(namespace: &str) -> String {
    format!("https://store.{namespace}.svc.cluster.local:9443")
}

/// Where the proxies get their credentials.
pub(crate) fn issuer() -> String {
    issuer_in(NAMESPACE)
}

/// The same of the store in a namespace.
pub(crate) fn issuer_in(namespace: &str) -> String {
    format!("http://store.{namespace}.svc.cluster.local:9091")
}

/// What the servers of a namespace show.
pub(crate) fn tls(ca: &testbed::Ca, namespace: &str) -> anyhow::Result<Tls> {
    ca.server_pem(&[&format!("*.{namespace}.svc.cluster.local")])
}

/// Starts a store in a namespace of its own.
pub(crate) fn start(api: &Api, namespace: &str, (certificate, key): &Tls) -> anyhow::Result<()> {
    api::kubectl(&["delete", "namespace", namespace, "--ignore-not-found"])?;
    api::apply(&json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls", "namespace": namespace},
         "stringData": {"tls.crt": certificate, "tls.key": key}},
        service(namespace),
        pod(namespace),
    ]}))?;
    await_ready_in(api, namespace)
}

/// Waits until it serves again.
pub(crate) fn await_ready(api: &Api) -> anyhow::Result<()> {
    await_ready_in(api, NAMESPACE)
}

fn await_ready_in(api: &Api, namespace: &str) -> anyhow::Result<()> {
    wait::until(Duration::from_secs(60), "the store is ready", || {
        let path = format!("/api/v1/namespaces/{namespace}/pods/store");
        Ok(Pod(api.get(&path)?).is_ready().then_some(()))
    })
}

/// The sums of the store in a namespace: bytes of bodies that it received and sent, and the like.
pub(crate) fn counts(api: &Api, namespace: &str) -> anyhow::Result<Value> {
    api.get(&format!("/api/v1/namespaces/{namespace}/services/store:issuer/proxy/counts"))
}

fn service(namespace: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "store", "namespace": namespace},
    "spec": {"selector": {"app": "store"}, "ports": [
        {"name": "s3", "port": 9443}, {"name": "issuer", "port": 9091}]}})
}

/// Its objects lie in an emptyDir, which outlives its containers and a power loss.
fn pod(namespace: &str) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let lifetime = format!("--lifetime={LIFETIME}");
    let (bucket, denied) = (format!("--bucket={BUCKET}"), format!("--deny-group={DENIED}"));
    let args = [
        &["--root=/root", "--listen=0.0.0.0:9443", "--issuer-listen=0.0.0.0:9091"][..],
        &["--tls-cert=/tls/tls.crt", "--tls-key=/tls/tls.key", "--region=eu-west-1"],
        &[&lifetime, &bucket, &denied],
        &GRANTS,
    ];
    json!({"apiVersion": "v1", "kind": "Pod",
    "metadata": {"name": "store", "namespace": namespace, "labels": {"app": "store"}},
    "spec": {
        "terminationGracePeriodSeconds": 5,
        "enableServiceLinks": false,
        "volumes": [{"name": "root", "emptyDir": {}}, {"name": "tls", "secret": {"secretName": "tls"}}],
        "containers": [{
            "name": "store",
            "image": format!("localhost/pilotfish-store:{version}"),
            "args": args.concat(),
            "env": [{"name": "TMPDIR", "value": "/root"}],
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": 9091}, "periodSeconds": 1},
            "volumeMounts": [{"name": "root", "mountPath": "/root"}, {"name": "tls", "mountPath": "/tls"}],
        }],
    }})
}

/// Lets so many bytes move below a prefix of the bucket, and then none until [`release`].
pub(crate) fn hold(prefix: &str, after: u64) -> anyhow::Result<()> {
    order(&format!("hold?after={after}&path=/{BUCKET}/{prefix}/"))
}

/// Lets what waits below a prefix go on.
pub(crate) fn release(prefix: &str) -> anyhow::Result<()> {
    order(&format!("release?path=/{BUCKET}/{prefix}/"))
}

fn order(what: &str) -> anyhow::Result<()> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/services/store:issuer/proxy/{what}");
    let nothing = tempfile::NamedTempFile::new()?;
    let file = nothing.path().display().to_string();
    api::kubectl(&["create", "--raw", &path, "-f", &file]).map(drop)
}

/// How many sets of credentials a group got so far.
pub(crate) fn issued(api: &Api, group: &str) -> anyhow::Result<u64> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/services/store:issuer/proxy/issued");
    let counts = api.get(&path).context("the issuer's counts")?;
    Ok(counts[group].as_u64().unwrap_or_default())
}

/// A pair with the rights that it has by its name, as the store said when it started.
pub(crate) fn pair(api: &Api, name: &str) -> anyhow::Result<Value> {
    let said =
        api.text(&format!("/api/v1/namespaces/{NAMESPACE}/pods/store/log?container=store"))?;
    let said = said.lines().next().context("it says nothing")?;
    let facts: Value = serde_json::from_str(said).context("what the store says of itself")?;
    let pair = facts["pairs"][name].clone();
    ensure!(pair.is_object(), "the store has no pair {name}");
    Ok(pair)
}

/// The keys below a prefix, as they lie on the store's disk.
pub(crate) fn keys(api: &Api, prefix: &str) -> anyhow::Result<Vec<String>> {
    let objects = on_disk(api)?;
    let keys = objects.iter().filter_map(|object| object["key"].as_str());
    let mut keys: Vec<String> =
        keys.filter(|key| key.starts_with(prefix)).map(str::to_owned).collect();
    keys.sort();
    Ok(keys)
}

/// The bytes of an object, as they lie on the store's disk.
pub(crate) fn object(api: &Api, key: &str) -> anyhow::Result<Vec<u8>> {
    api::node_bytes(&["cat", &format!("{}/{}.data", folder(api)?, id_of(api, key)?)])
}

/// Turns one bit of an object's bytes on the store's disk, in its middle.
pub(crate) fn flip(api: &Api, key: &str) -> anyhow::Result<()> {
    let file = format!("{}/{}.data", folder(api)?, id_of(api, key)?);
    let flip = "at=$(($(stat -c %s \"$1\") / 2)); byte=$(od -An -tu1 -j $at -N 1 \"$1\"); \
        printf \"\\\\$(printf %o $((byte ^ 1)))\" | dd of=\"$1\" bs=1 seek=$at conv=notrunc status=none";
    api::node_bytes(&["bash", "-c", flip, "bash", &file]).map(drop)
}

fn id_of(api: &Api, key: &str) -> anyhow::Result<String> {
    let objects = on_disk(api)?;
    let object = objects.iter().find(|object| object["key"] == key);
    let object = object.with_context(|| format!("{key} is not on the store's disk"))?;
    Ok(object["id"].as_str().context("the name of its files")?.to_owned())
}

/// What is written beside each object: its bucket, its key, and the name of its files. Other tests delete
/// theirs while we read.
fn on_disk(api: &Api) -> anyhow::Result<Vec<Value>> {
    let folder = folder(api)?;
    let find = ["find", &folder, "-name", "*.json", "-exec", "cat", "{}", "+"];
    wait::until(Duration::from_secs(30), "the store's disk is at rest", || {
        let text = api::node_bytes(&find)?;
        let objects = serde_json::Deserializer::from_slice(&text).into_iter();
        Ok(Some(objects.collect::<Result<Vec<Value>, _>>()?))
    })
}

fn folder(api: &Api) -> anyhow::Result<String> {
    let pod = api.get(&format!("/api/v1/namespaces/{NAMESPACE}/pods/store"))?;
    let id = pod["metadata"]["uid"].as_str().context("the pod's id")?;
    Ok(format!("/var/lib/kubelet/pods/{id}/volumes/kubernetes.io~empty-dir/root/objects"))
}
