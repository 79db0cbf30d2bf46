// SPDX-License-Identifier: Apache-2.0
//! What a user applies to have an etcd: settings, a Service, a StatefulSet with a volume for each member.

use serde_json::{Value, json};

/// The data directory is the volume's root: etcd's files lie beside `lost+found`.
const DATA_DIR: &str = "/data";

/// The objects of a cluster of so many members, of an image with this tag.
pub(crate) fn all(members: usize, tag: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": [settings(members), service(), set(members, tag)]})
}

/// All that etcd is told, in its own variables: said once, read by the member and by what restores it.
pub(crate) fn settings(members: usize) -> Value {
    let peers: Vec<String> =
        (0..members).map(|n| format!("etcd-{n}=http://etcd-{n}.etcd:2380")).collect();
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "etcd-settings"}, "data": {
        "ETCD_DATA_DIR": DATA_DIR,
        "ETCD_INITIAL_CLUSTER": peers.join(","),
        "ETCD_INITIAL_CLUSTER_STATE": "new",
        "ETCD_LISTEN_PEER_URLS": "http://0.0.0.0:2380",
        "ETCD_LISTEN_CLIENT_URLS": "https://0.0.0.0:2379",
        "ETCD_LISTEN_METRICS_URLS": "http://0.0.0.0:2381",
        "ETCD_CLIENT_CERT_AUTH": "true",
        "ETCD_TRUSTED_CA_FILE": "/tls/ca.crt",
        "ETCD_CERT_FILE": "/tls/tls.crt",
        "ETCD_KEY_FILE": "/tls/tls.key",
        "ETCDCTL_ENDPOINTS": "https://localhost:2379",
        "ETCDCTL_CACERT": "/tls/ca.crt",
        "ETCDCTL_CERT": "/tls/tls.crt",
        "ETCDCTL_KEY": "/tls/tls.key",
    }})
}

/// Members find each other before they are ready.
fn service() -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "etcd"}, "spec": {
        "clusterIP": "None", "publishNotReadyAddresses": true, "selector": {"app": "etcd"},
        "ports": [{"name": "client", "port": 2379}, {"name": "peer", "port": 2380}]}})
}

fn set(members: usize, tag: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "etcd"}, "spec": {
        "serviceName": "etcd",
        "replicas": members,
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": {"app": "etcd"}},
        "template": {"metadata": {"labels": {"app": "etcd"}}, "spec": {
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": 5,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "tls", "secret": {"secretName": "etcd-server-tls", "defaultMode": 0o444}}],
            "containers": [member(tag)],
        }},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}],
    }})
}

fn member(tag: &str) -> Value {
    json!({
        "name": "etcd",
        "image": format!("localhost/etcd:{tag}"),
        "command": ["etcd"],
        "envFrom": [{"configMapRef": {"name": "etcd-settings"}}],
        "env": [
            {"name": "ETCD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "ETCD_INITIAL_ADVERTISE_PEER_URLS", "value": "http://$(ETCD_NAME).etcd:2380"},
            {"name": "ETCD_ADVERTISE_CLIENT_URLS", "value": "https://$(ETCD_NAME).etcd:2379"},
        ],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 2381}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "data", "mountPath": DATA_DIR}, {"name": "tls", "mountPath": "/tls", "readOnly": true}],
    })
}
