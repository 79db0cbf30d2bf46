// SPDX-License-Identifier: Apache-2.0
//! A bench for proofs: snapshots of real etcds, a scratch folder, and runs of `prove`.

use std::path::{Path, PathBuf};

use serde_json::Value;
use stock::{Folder, Run};
use tempfile::TempDir;
use testbed::etcd::{Etcd, Version};
use testbed::tool;

/// A scratch folder and where reports go.
pub(crate) struct Drill {
    pub(crate) scratch: TempDir,
    desk: TempDir,
    tool: PathBuf,
}

impl Drill {
    /// Nothing where this etcd is missing.
    pub(crate) fn with(version: Version) -> Option<Self> {
        let tool = tool_of(version)?;
        let temporary = || tempfile::Builder::new().prefix("drill-").tempdir().unwrap();
        Some(Self { scratch: temporary(), desk: temporary(), tool })
    }

    /// `prove` the newest of the place.
    pub(crate) fn prove(&self, folder: &Folder) -> Run {
        self.run(&folder.url()).args(["--namespace", "ns", "--cluster", "etcd"])
    }

    /// `prove` something.
    pub(crate) fn run(&self, from: &str) -> Run {
        Run::new(env!("CARGO_BIN_EXE_restore-localize"), &["etcd", "prove", "--from", from])
            .arg("--data-dir")
            .arg(self.scratch.path())
            .arg("--tool")
            .arg(&self.tool)
            .arg("--report")
            .arg(self.report_file())
            .arg("--metrics-file")
            .arg(self.metrics_file())
    }

    fn report_file(&self) -> PathBuf {
        self.desk.path().join("report.json")
    }

    fn metrics_file(&self) -> PathBuf {
        self.desk.path().join("proof.prom")
    }

    /// The proof of this turn in the report.
    pub(crate) fn report(&self, turn: usize) -> Value {
        let bytes = std::fs::read(self.report_file()).unwrap();
        let report: Value = serde_json::from_slice(&bytes).unwrap();
        report["proofs"][turn].clone()
    }

    /// The grade that the metrics tell of the snapshot that was asked for.
    pub(crate) fn metered_grade(&self) -> String {
        let text = std::fs::read_to_string(self.metrics_file()).unwrap();
        let is_set = |line: &&str| {
            line.starts_with("restore_localize_proof_grade{snapshot=\"asked\"")
                && line.ends_with(" 1")
        };
        let line = text.lines().find(is_set).unwrap();
        line.split("grade=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }

    /// A stand-in for etcd.
    pub(crate) fn stub(&self, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.desk.path().join("etcd");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// That a proof left nothing: no file, and no process that works in the scratch folder.
    pub(crate) fn assert_clean(&self) {
        let left: Vec<_> = std::fs::read_dir(self.scratch.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(workers(self.scratch.path()), Vec::<String>::new());
    }
}

/// The tool of this etcd's image; nothing where this etcd is missing.
pub(crate) fn tool_of(version: Version) -> Option<PathBuf> {
    let etcd = tool(version.tool())?;
    let utl = etcd.with_file_name("etcdutl");
    Some(if utl.exists() { utl } else { etcd.with_file_name("etcdctl") })
}

/// The command lines of processes that name this folder.
pub(crate) fn workers(folder: &Path) -> Vec<String> {
    let named = folder.to_str().unwrap();
    let lines = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = std::fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    lines.filter(|line| line.contains(named)).collect()
}

/// Keys with history, compacted in between: what is hashed is more than what lives.
pub(crate) async fn fill(etcd: &Etcd, last_value: &str) {
    etcd.put_many(60, 40).await.unwrap();
    etcd.ctl(&["del", &Etcd::key(7)]).await.unwrap();
    let at = revision(etcd).await.to_string();
    etcd.ctl(&["compaction", &at]).await.unwrap();
    etcd.ctl(&["put", &Etcd::key(3), "another"]).await.unwrap();
    etcd.ctl(&["put", "last", last_value]).await.unwrap();
}

pub(crate) async fn revision(etcd: &Etcd) -> i64 {
    let told = etcd.ctl(&["get", "x", "-w", "json"]).await.unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    told["header"]["revision"].as_i64().unwrap()
}

/// The content of a snapshot, by etcd's own client.
pub(crate) async fn save(etcd: &Etcd) -> Vec<u8> {
    let desk = tempfile::tempdir().unwrap();
    let path = desk.path().join("snapshot.db");
    etcd.ctl_at(0, &["snapshot", "save", path.to_str().unwrap()]).await.unwrap();
    std::fs::read(path).unwrap()
}

/// The same, as root.
pub(crate) async fn save_as_root(etcd: &Etcd, password: &str) -> Vec<u8> {
    let desk = tempfile::tempdir().unwrap();
    let path = desk.path().join("snapshot.db");
    let args = ["snapshot", "save", path.to_str().unwrap()];
    etcd.ctl_as("root", password, &args).await.unwrap();
    std::fs::read(path).unwrap()
}

/// The hash that the live member answers.
pub(crate) async fn hash_kv(etcd: &Etcd) -> u64 {
    let told = etcd.ctl(&["endpoint", "hashkv", "-w", "json"]).await.unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    told[0]["HashKV"]["hash"].as_u64().unwrap()
}
