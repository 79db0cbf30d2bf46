// SPDX-License-Identifier: Apache-2.0
//! A snapshot of a real etcd, the claims, and members to be.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;
use stock::{Ended, Folder, Run, Sample};
use testbed::etcd::{Etcd, Version};

/// Whose snapshots they are.
pub(crate) const PLACE: &str = "ns/source";
/// The generation that tests restore.
pub(crate) const GENERATION: &str = "g1";

/// Members that do not run yet, and what they are made of.
pub(crate) struct Bed {
    pub(crate) snapshots: Folder,
    pub(crate) claims: Folder,
    pub(crate) members: Etcd,
    pub(crate) source: Source,
}

/// What the source had when its snapshot was taken.
pub(crate) struct Source {
    pub(crate) sample: Sample,
    pub(crate) keys: String,
    pub(crate) revision: i64,
    pub(crate) hash: u64,
}

/// A real etcd's snapshot, and what its keys were.
pub(crate) async fn source(version: Version, hours_ago: i64) -> Source {
    let etcd = Etcd::member(version).await.unwrap();
    etcd.put_many(54, 200).await.unwrap();
    etcd.ctl(&["del", &Etcd::key(7)]).await.unwrap();
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("saved.db");
    etcd.ctl_at(0, &["snapshot", "save", path.to_str().unwrap()]).await.unwrap();
    let keys = keys(&etcd, 0).await;
    let (hash, revision) = hash(&etcd, 0).await;
    etcd.ctl(&["put", "later", "than the snapshot"]).await.unwrap();
    let sample = Sample::etcd_of(PLACE, hours_ago, std::fs::read(path).unwrap());
    Source { sample, keys, revision, hash }
}

/// All keys and values, as etcdctl prints them.
pub(crate) async fn keys(etcd: &Etcd, member: usize) -> String {
    etcd.ctl_at(member, &["get", "", "--prefix"]).await.unwrap()
}

/// The hash of all keys, and the revision hashed.
pub(crate) async fn hash(etcd: &Etcd, member: usize) -> (u64, i64) {
    let told = etcd.ctl_at(member, &["endpoint", "hashkv", "-w", "json"]).await.unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    let hash = &told[0]["HashKV"];
    (
        hash["hash"].as_u64().unwrap(),
        hash["hash_revision"]
            .as_i64()
            .unwrap_or_else(|| hash["header"]["revision"].as_i64().unwrap()),
    )
}

impl Bed {
    /// So many members of 3.6, and one snapshot.
    pub(crate) async fn of(members: usize) -> Self {
        let source = source(Version::V3_6, 2).await;
        let snapshots = Folder::with(&[&source.sample]);
        let members = Etcd::builder(Version::V3_6).members(members).prepare().unwrap();
        Self { snapshots, claims: Folder::new(), members, source }
    }

    /// A member's data directory.
    pub(crate) fn dir(&self, member: usize) -> PathBuf {
        let dir = self.members.data_dir(member).unwrap();
        std::fs::create_dir_all(dir.parent().unwrap()).unwrap();
        dir
    }

    /// A run for a member, with other values of some flags.
    pub(crate) fn run_with(&self, command: &[&str], member: usize, other: &[(&str, &str)]) -> Run {
        let claims = self.claims.url();
        let other = [&[("--claims", claims.as_str())], other].concat();
        self.run_of(command, member, &other)
    }

    /// A restore of a member whose claims lie elsewhere.
    pub(crate) fn restore_claiming(&self, member: usize, claims: &[String]) -> Run {
        self.run_of(&["etcd"], member, &[]).args(claims)
    }

    fn run_of(&self, command: &[&str], member: usize, other: &[(&str, &str)]) -> Run {
        let (dir, tool) = (self.dir(member), etcdutl());
        let snapshots = self.snapshots.url();
        let cluster = self.members.initial_cluster();
        let mut flags = BTreeMap::from([
            ("--from", snapshots.as_str()),
            ("--namespace", "ns"),
            ("--cluster", "source"),
            ("--target-namespace", "ns"),
            ("--target-cluster", "target"),
            ("--generation", GENERATION),
            ("--tool", tool.to_str().unwrap()),
            ("--name", self.members.name(member).unwrap()),
            ("--initial-cluster", &cluster),
            ("--data-dir", dir.to_str().unwrap()),
        ]);
        flags.extend(other.iter().copied());
        let run = Run::new(env!("CARGO_BIN_EXE_restore-localize"), command);
        run.args(flags.into_iter().flat_map(|(flag, value)| [flag, value]))
    }

    /// A run for a member.
    pub(crate) fn run(&self, command: &[&str], member: usize) -> Run {
        self.run_with(command, member, &[])
    }

    /// Restores a member.
    pub(crate) fn restore(&self, member: usize) -> Ended {
        self.run(&["etcd"], member).end()
    }

    /// A tool that says its version, and then never ends; it makes a file beside itself when it is at work.
    pub(crate) fn hanging_tool(&self) -> PathBuf {
        let tool = self.claims.path("tools/etcdutl");
        let text = format!(
            "#!/bin/sh\ncase \"$*\" in\n*version*|*help*) exec {} \"$@\";;\nesac\n: > {}\nexec sleep 600\n",
            etcdutl().display(),
            tool.with_extension("at-work").display()
        );
        self.claims.write("tools/etcdutl", text);
        std::fs::set_permissions(&tool, Permissions::from_mode(0o755)).unwrap();
        tool
    }

    /// Restores all members.
    pub(crate) fn restore_all(&self) {
        for member in 0..self.members.len() {
            self.restore(member).assert(0, &["is restored", "53 keys"]);
        }
    }

    /// A member's volume is lost, and a new one comes.
    pub(crate) fn lose(&self, member: usize) {
        std::fs::remove_dir_all(self.dir(member)).unwrap();
    }

    /// What a member's marker says.
    pub(crate) fn marker(&self, member: usize) -> Value {
        let path = self.dir(member).join("member/pilotfish-restored.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// Asserts that a volume was not touched: there is nothing on it, or nothing at all.
    pub(crate) fn assert_untouched(&self, member: usize) {
        let dir = self.dir(member);
        let found = if dir.exists() { stock::files(&dir) } else { vec![] };
        assert!(found.is_empty(), "{found:?}");
    }

    /// Asserts that nothing lies on a volume but our own notes.
    pub(crate) fn assert_only_noted(&self, member: usize) {
        let found = stock::files(&self.dir(member));
        assert!(found.iter().all(|(name, _)| name.starts_with(".pilotfish-")), "{found:?}");
    }

    /// Asserts that these members serve the source's keys, the same on each.
    pub(crate) async fn assert_same(&self, members: &[usize]) {
        let first = hash(&self.members, members[0]).await;
        for member in members {
            assert_eq!(keys(&self.members, *member).await, self.source.keys, "member {member}");
            assert_eq!(hash(&self.members, *member).await, first, "member {member}");
        }
    }
}

/// That of 3.6.
pub(crate) fn etcdutl() -> PathBuf {
    testbed::tool("etcd-3.6")
        .expect("etcd 3.6, as scripts/test brings it")
        .with_file_name("etcdutl")
}
