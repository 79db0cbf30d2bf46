// SPDX-License-Identifier: Apache-2.0
//! An etcd as users have it: a StatefulSet of etcd's own image, which has no shell, a volume for each member, clients
//! by certificate alone.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testbed::Ca;

use crate::api;
use crate::bed::Bed;
use crate::etcd_objects;
use crate::pod::Pod;
use crate::wait::{self, Hopeless};

pub(crate) const TAG: &str = "v3.6.16";
const READY: Duration = Duration::from_secs(150);
/// Whose certificate the backup shows. It is a user's name where authentication is on.
const CLIENT: &str = "backup";

/// A cluster in a namespace.
pub(crate) struct Etcd<'a> {
    pub(crate) bed: &'a Bed,
    /// Who signed the certificates of its members and of those that it serves.
    pub(crate) ca: Ca,
}

impl<'a> Etcd<'a> {
    /// Starts so many members, all at once, and waits until each serves.
    pub(crate) fn start(bed: &'a Bed, members: usize) -> anyhow::Result<Etcd<'a>> {
        let etcd = Etcd { bed, ca: Ca::new()? };
        let namespace = bed.namespace.as_str();
        let services = format!("*.etcd.{namespace}.svc.cluster.local");
        let names =
            ["localhost", "etcd-0.etcd", "etcd-1.etcd", "etcd-2.etcd", "etcd-3.etcd", &services];
        let server = etcd.ca.server_pem(&names)?;
        let client = client_of(&etcd.ca)?;
        let ca = etcd.ca.pem();
        api::apply(&json!({"apiVersion": "v1", "kind": "List", "items": [
            tls(namespace, "etcd-server-tls", ca, &server),
            tls(namespace, "etcd-backup-tls", ca, &client),
            tls(namespace, "etcd-restore-tls", ca, &client),
        ]}))?;
        bed.make_volumes(&(0..members).collect::<Vec<_>>())?;
        etcd.apply(members, TAG)?;
        etcd.await_ready(members, &BTreeSet::new())?;
        Ok(etcd)
    }

    /// Applies the StatefulSet as its user has it, of an image with this tag.
    pub(crate) fn apply(&self, members: usize, tag: &str) -> anyhow::Result<()> {
        api::kubectl(&["apply", "-k", &self.write(members, tag)?]).map(drop)
    }

    /// Writes it, for others to be made of it; its folder.
    pub(crate) fn write(&self, members: usize, tag: &str) -> anyhow::Result<String> {
        let objects = etcd_objects::all(members, tag);
        let kustomization = json!({"namespace": self.bed.namespace, "resources": ["objects.yaml"]});
        let folder = self.bed.overlay("etcd", &kustomization, Some(&objects))?;
        Ok(folder.display().to_string())
    }

    /// Waits until so many members serve, and none is one of those pods.
    pub(crate) fn await_ready(
        &self,
        members: usize,
        none_of: &BTreeSet<String>,
    ) -> anyhow::Result<()> {
        wait::until(READY, "all members serve", || {
            let pods = self.bed.members()?;
            if let Some(stuck) = pods.iter().find_map(Pod::stuck) {
                return Err(Hopeless(stuck).into());
            }
            let ready = pods.iter().filter(|pod| pod.is_ready() && !none_of.contains(pod.uid()));
            Ok((ready.count() == members && pods.len() == members).then_some(()))
        })
        .with_context(|| self.bed.story())
    }

    /// Deletes these members' pods, and waits until others serve in their place.
    pub(crate) fn restart(&self, members: usize, which: &[usize]) -> anyhow::Result<()> {
        let names: Vec<String> = which.iter().map(|member| format!("etcd-{member}")).collect();
        let pods = self.bed.members()?;
        let gone = pods.iter().filter(|pod| names.iter().any(|name| name == pod.name()));
        let gone: BTreeSet<String> = gone.map(|pod| pod.uid().to_owned()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let delete = ["-n", &self.bed.namespace, "delete", "pod"];
        api::kubectl(&[&delete[..], &names].concat())?;
        self.await_ready(members, &gone)
    }

    /// Runs etcdctl in the first member; what it prints.
    pub(crate) fn ctl(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        self.ctl_in(0, arguments, input)
    }

    /// Runs etcdctl in a member; what it prints.
    pub(crate) fn ctl_in(
        &self,
        member: usize,
        arguments: &[&str],
        input: &str,
    ) -> anyhow::Result<String> {
        let pod = format!("etcd-{member}");
        let exec = [
            "kubectl",
            "-n",
            &self.bed.namespace,
            "exec",
            "-i",
            &pod,
            "-c",
            "etcd",
            "--",
            "etcdctl",
        ];
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

    /// All keys and values, as a member itself has them.
    pub(crate) fn keys(&self, member: usize) -> anyhow::Result<Value> {
        let answer =
            self.ctl_in(member, &["get", "", "--prefix", "--consistency=s", "-w", "json"], "")?;
        let answer: Value = serde_json::from_str(&answer)?;
        let pairs = answer["kvs"].as_array().context("keys")?.iter();
        Ok(pairs.map(|pair| json!([pair["key"], pair["value"]])).collect())
    }

    /// The revision that etcd itself says it is at.
    pub(crate) fn revision(&self) -> anyhow::Result<u64> {
        let answer = self.ctl(&["get", "sentinel", "-w", "json"], "")?;
        let answer: Value = serde_json::from_str(&answer)?;
        answer["header"]["revision"].as_u64().context("a revision")
    }

    /// The hash of a member's keys and their history up to a revision; 0 is the current one.
    pub(crate) fn hash(&self, member: usize, revision: u64) -> anyhow::Result<Value> {
        let revision = format!("--rev={revision}");
        let answer = self.ctl_in(member, &["endpoint", "hashkv", &revision, "-w", "json"], "")?;
        let answer: Value = serde_json::from_str(&answer)?;
        let hash = answer[0]["HashKV"]["hash"].clone();
        ensure!(hash.is_number(), "no hash in {answer}");
        Ok(hash)
    }

    /// These keys, and one hash, on these members.
    pub(crate) fn assert_equal(&self, members: &[usize], keys: &Value) {
        let hash = self.hash(members[0], 0).expect("a hash");
        for member in members {
            assert_eq!(&self.keys(*member).expect("its keys"), keys, "etcd-{member}");
            assert_eq!(self.hash(*member, 0).expect("a hash"), hash, "etcd-{member}");
        }
    }
}

impl Bed {
    /// The pods of the members.
    pub(crate) fn members(&self) -> anyhow::Result<Vec<Pod>> {
        let path = format!("/api/v1/namespaces/{}/pods?labelSelector=app%3Detcd", self.namespace);
        let list = self.api().get(&path)?;
        let pods = list["items"].as_array().context("a list of pods")?;
        Ok(pods.iter().cloned().map(Pod).collect())
    }

    pub(crate) fn member(&self, member: usize) -> anyhow::Result<Option<Pod>> {
        let name = format!("etcd-{member}");
        Ok(self.members()?.into_iter().find(|pod| pod.name() == name))
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
