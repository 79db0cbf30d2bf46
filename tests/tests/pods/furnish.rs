// SPDX-License-Identifier: Apache-2.0
//! What a user has before the first pod: a namespace, Secrets, volumes, data.

use anyhow::ensure;
use serde_json::json;

use crate::api;
use crate::bed::{Bed, End};

impl Bed {
    /// With volumes, and data in one of them.
    pub(crate) fn furnish(&self) -> anyhow::Result<()> {
        self.settle()?;
        self.volume("data")?;
        self.volume("restored")?;
        let bytes = format!("--bytes={}", self.settings.borrow().bytes);
        self.tree("generate", &["generate", "/data/tree", &bytes])
    }

    /// As the operations page says, word for word where a word is given there.
    pub(crate) fn settle(&self) -> anyhow::Result<()> {
        let namespace = self.namespace.as_str();
        api::kubectl(&["delete", "namespace", namespace, "--ignore-not-found"])?;
        api::apply(&json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {
                "pod-security.kubernetes.io/enforce": "restricted"}}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kopia-password", "namespace": namespace},
             "stringData": {"password": format!("password of {namespace}")}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kopia-caller", "namespace": namespace},
             "stringData": {"accessKeyID": "kopia", "secretAccessKey": format!("secret/of+{namespace}")}},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "store-ca", "namespace": namespace},
             "data": {"ca.crt": self.ca()}},
        ]}))
    }

    /// Whether the cluster makes volumes by itself.
    pub(crate) fn makes_volumes(&self) -> anyhow::Result<bool> {
        let classes = self.api().get("/apis/storage.k8s.io/v1/storageclasses")?;
        Ok(classes["items"].as_array().is_some_and(|items| !items.is_empty()))
    }

    /// A claim, and on a cluster that makes no volumes by itself the volume too.
    fn volume(&self, name: &str) -> anyhow::Result<()> {
        let namespace = self.namespace.as_str();
        let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}});
        if !self.makes_volumes()? {
            let volume = format!("{namespace}-{name}");
            let path = format!("/var/lib/kubelet/pilotfish-test-volumes/{volume}");
            api::run(&["node", "rm", "-rf", &path])?;
            api::run(&["node", "install", "-d", "-m", "0777", &path])?;
            api::kubectl(&["delete", "persistentvolume", &volume, "--ignore-not-found"])?;
            api::apply(
                &json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume},
            "spec": {"capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
                     "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": path, "type": "Directory"},
                     // Else a claim of another test that waits for its volume takes this one.
                     "claimRef": {"namespace": namespace, "name": name}}}),
            )?;
            claim["spec"]["storageClassName"] = json!("");
            claim["spec"]["volumeName"] = json!(volume);
        }
        api::apply(&claim)
    }

    /// Runs the tree program on both volumes, to its good end.
    pub(crate) fn tree(&self, job: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let version = env!("CARGO_PKG_VERSION");
        let command = [&["/usr/local/bin/testbed-tree"], arguments].concat();
        api::apply(&json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": job, "namespace": self.namespace},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
                {"name": "restored", "persistentVolumeClaim": {"claimName": "restored"}}],
            "containers": [{
                "name": "tree",
                "image": format!("localhost/pilotfish-store:{version}"),
                "command": command,
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "restored", "mountPath": "/restored"}],
            }]}}}}))?;
        let end = self.end_of(job)?;
        ensure!(end == End::Complete, "{job}: {end:?}\n{}", self.story());
        Ok(())
    }
}
