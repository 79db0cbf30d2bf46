// SPDX-License-Identifier: Apache-2.0
//! Clusters that are restored by the program itself, and booted by a real etcd.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use stock::{Folder, Run, Sample};
use tempfile::TempDir;
use testbed::Spawn;
use testbed::etcd::{Etcd, Version};

use crate::drill::tool_of;

/// A restored cluster of three.
pub(crate) struct Restored {
    pub(crate) members: Etcd,
    store: Folder,
    claims: Folder,
}

impl Restored {
    /// Restores each member and boots none. Nothing where this etcd is missing.
    pub(crate) fn from(sample: &Sample, version: Version, flags: &[&str]) -> Option<Self> {
        testbed::tool(version.tool())?;
        let members = Etcd::builder(version).members(3).flags(flags.iter().copied());
        let members = members.prepare().unwrap();
        let restored = Self { members, store: Folder::with(&[sample]), claims: Folder::new() };
        for place in 0..3 {
            restored.restore(place).end().assert(0, &["is restored from"]);
        }
        Some(restored)
    }

    /// The same of a small snapshot and 3.6.
    pub(crate) fn small() -> Option<Self> {
        Self::from(&Sample::etcd(crate::PLACE, 1), Version::V3_6, &[])
    }

    /// The same, with all members on their way up.
    pub(crate) fn booted() -> Option<Self> {
        let restored = Self::small()?;
        restored.boot();
        Some(restored)
    }

    fn restore(&self, place: usize) -> Run {
        let dir = self.data_dir(place);
        std::fs::create_dir_all(dir.parent().unwrap()).unwrap();
        let run = self.run(&[]).arg("--data-dir").arg(dir).arg("--tool").arg(self.tool());
        let run = run.args(["--name", self.members.name(place).unwrap()]);
        run.args(["--initial-cluster", &self.members.initial_cluster()])
    }

    fn tool(&self) -> PathBuf {
        tool_of(self.members.version()).unwrap()
    }

    /// `restore-localize etcd …` of this generation.
    pub(crate) fn run(&self, action: &[&str]) -> Run {
        let args = [&["etcd"], action].concat();
        let run = Run::new(env!("CARGO_BIN_EXE_restore-localize"), &args);
        let run = run.args(["--from", &self.store.url(), "--namespace", "ns", "--cluster", "etcd"]);
        let target = ["--target-namespace", "ns", "--target-cluster", "restored"];
        run.args(["--claims", &self.claims.url(), "--generation", "g1"]).args(target)
    }

    /// `confirm` of these endpoints by the pin.
    pub(crate) fn confirm_at(&self, endpoints: &[String], wait: &str) -> Run {
        self.run(&["confirm", "--wait", wait, "--endpoint", &endpoints.join(",")])
    }

    /// `confirm` of all three by the pin.
    pub(crate) fn confirm(&self) -> Run {
        self.confirm_at(&self.members.endpoints(), "30s")
    }

    /// `confirm` by a marker alone.
    pub(crate) fn confirm_by(&self, data_dir: &Path) -> Run {
        let endpoints = self.members.endpoints().join(",");
        let args = ["etcd", "confirm", "--wait", "30s", "--endpoint", &endpoints];
        Run::new(env!("CARGO_BIN_EXE_restore-localize"), &args).arg("--data-dir").arg(data_dir)
    }

    /// A folder that holds a changed copy of the first member's marker, and nothing else.
    pub(crate) fn claiming(&self, change: impl FnOnce(&mut Value)) -> TempDir {
        let mut marker = self.marker();
        change(&mut marker);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("member")).unwrap();
        std::fs::write(folder.path().join(MARKER), marker.to_string()).unwrap();
        folder
    }

    fn marker(&self) -> Value {
        let bytes = std::fs::read(self.data_dir(0).join(MARKER)).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    pub(crate) fn data_dir(&self, place: usize) -> PathBuf {
        self.members.data_dir(place).unwrap()
    }

    /// Boots all three and waits for none.
    pub(crate) fn boot(&self) {
        (0..3).for_each(|place| self.members.start_member(place).unwrap());
    }

    /// Makes a member of another snapshot, with the same ids and revisions.
    pub(crate) fn diverge(&self, place: usize, snapshot: &[u8]) {
        let (marker, dir) = (self.marker(), self.data_dir(place));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), snapshot).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        let run =
            Spawn::new(self.tool()).clean_env().args(["snapshot", "restore"]).arg(file.path());
        let run =
            run.arg("--data-dir").arg(dir).args(["--name", self.members.name(place).unwrap()]);
        let run = run.args(["--initial-cluster", &self.members.initial_cluster()]);
        let peer = self.members.peer_url(place).unwrap();
        let run = run.args(["--initial-advertise-peer-urls", peer, "--mark-compacted"]);
        let run = run.args(["--initial-cluster-token", marker["token"].as_str().unwrap()]);
        let bump = marker["bump"].as_u64().unwrap().to_string();
        let mut run = run.args(["--bump-revision", &bump]).start().unwrap();
        assert!(run.wait(Duration::from_secs(30)).unwrap().success(), "{}", run.stderr());
    }

    pub(crate) async fn ctl(&self, args: &[&str]) -> String {
        self.members.ctl(args).await.unwrap()
    }
}

/// In a data directory.
const MARKER: &str = "member/pilotfish-restored.json";
