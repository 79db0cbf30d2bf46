// SPDX-License-Identifier: Apache-2.0
//! The volumes of etcd's members, and what lies on them, byte by byte.

use anyhow::Context;
use serde_json::{Value, json};

use crate::api;
use crate::bed::Bed;
use crate::wait;

const FOLDER: &str = "/var/lib/kubelet/pilotfish-test-volumes";
const GONE: std::time::Duration = std::time::Duration::from_secs(60);
/// Names, owners, modes, sizes and sums of all that lies in a folder. That of the folder itself is not told: whoever
/// looks into it is told no time.
const TREE: &str = "cd \"$1\" && find . -mindepth 1 -printf '%p %y %m %U:%G %s\\n' | sort && find . -type f -print0 | sort -z | xargs -0r sha256sum";

impl Bed {
    /// A new, empty volume for each of these members, as a driver makes them for a group: with `lost+found`, the
    /// group's and set-group-id. A cluster that makes volumes by itself makes its own.
    pub(crate) fn make_volumes(&self, members: &[usize]) -> anyhow::Result<()> {
        if self.makes_volumes()? {
            return Ok(());
        }
        let volumes = members.iter().map(|member| self.make_volume(*member));
        let volumes: Vec<Value> = volumes.collect::<Result<_, _>>()?;
        api::apply(&json!({"apiVersion": "v1", "kind": "List", "items": volumes}))
    }

    /// Takes claims and volumes away, with all that is on them.
    pub(crate) fn lose_volumes(&self, members: &[usize]) -> anyhow::Result<()> {
        for member in members {
            let claim = format!("data-etcd-{member}");
            api::kubectl(&["-n", &self.namespace, "delete", "persistentvolumeclaim", &claim])?;
            self.drop_volume(*member)?;
        }
        Ok(())
    }

    /// Takes a volume away whose claim goes, unless the cluster does that by itself.
    pub(crate) fn drop_volume(&self, member: usize) -> anyhow::Result<()> {
        if self.makes_volumes()? {
            return Ok(());
        }
        let volume = self.volume_of(member);
        api::kubectl(&["delete", "persistentvolume", &volume])?;
        api::run(&["node", "rm", "-rf", &format!("{FOLDER}/{volume}")]).map(drop)
    }

    /// All that lies on a member's volume.
    pub(crate) fn tree_of(&self, member: usize) -> anyhow::Result<String> {
        let claims = format!("/api/v1/namespaces/{}/persistentvolumeclaims", self.namespace);
        let claim = self.api().get(&format!("{claims}/data-etcd-{member}"))?;
        let volume = claim["spec"]["volumeName"].as_str().context("a volume")?;
        let volume = self.api().get(&format!("/api/v1/persistentvolumes/{volume}"))?;
        let path = ["hostPath", "local"].map(|kind| volume["spec"][kind]["path"].as_str());
        let path = path.into_iter().flatten().next().context("a volume on the node")?;
        let text = api::node_bytes(&["sh", "-c", TREE, "sh", path])?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Waits until no pod of the members is there.
    pub(crate) fn await_no_member(&self) -> anyhow::Result<()> {
        wait::until(GONE, "no member", || Ok(self.members()?.is_empty().then_some(())))
    }

    fn make_volume(&self, member: usize) -> anyhow::Result<Value> {
        let volume = self.volume_of(member);
        let path = format!("{FOLDER}/{volume}");
        let lost = format!("{path}/lost+found");
        api::kubectl(&["delete", "persistentvolume", &volume, "--ignore-not-found"])?;
        api::run(&["node", "rm", "-rf", &path])?;
        api::run(&["node", "install", "-d", "-m", "2770", "-g", "65532", &path])?;
        api::run(&["node", "install", "-d", "-m", "0700", &lost])?;
        Ok(
            json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume}, "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
            "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": path, "type": "Directory"},
            "claimRef": {"namespace": self.namespace, "name": format!("data-etcd-{member}")}}}),
        )
    }

    fn volume_of(&self, member: usize) -> String {
        format!("{}-data-etcd-{member}", self.namespace)
    }
}
