// SPDX-License-Identifier: Apache-2.0
//! One member's pod: its volume, its tool, and the runs of its init step.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use etcd_image::{Options, TrailerMode};
use serde_json::Value;
use snapshot::Digest;
use stock::{Bucket, Folder, Run, Sample};
use testbed::etcd::{Etcd, Version};

/// Small snapshots that older ones gave.
pub(crate) const OF_3_4: &[u8] = include_bytes!("../../../etcd-image/tests/data/etcd-3.4.snap");
pub(crate) const OF_3_5: &[u8] = include_bytes!("../../../etcd-image/tests/data/etcd-3.5.snap");
/// What a run that failed may leave.
const NONCE: &str = ".pilotfish-volume";

/// A run of the program.
pub(crate) fn program(args: &[&str]) -> Run {
    Run::new(env!("CARGO_BIN_EXE_restore-localize"), args)
}

/// etcd's tool of this version, unless it is not there, which a line then says.
pub(crate) fn utl(version: Version) -> Option<PathBuf> {
    let name = if version == Version::V3_4 { "etcdctl" } else { "etcdutl" };
    Some(testbed::tool(version.tool())?.with_file_name(name))
}

/// A pod whose etcd is of 3.6.
pub(crate) struct Pod {
    pub(crate) tool: PathBuf,
    /// Where the volume is mounted; its data directory is a folder in it.
    mount: PathBuf,
    files: tempfile::TempDir,
}

impl Pod {
    /// None where there is no etcdutl of 3.6.
    pub(crate) fn new() -> Option<Self> {
        utl(Version::V3_6).map(Self::of_tool)
    }

    /// One whose etcd is another.
    pub(crate) fn of_tool(tool: PathBuf) -> Self {
        let files = tempfile::tempdir().unwrap();
        Self { tool, mount: files.path().to_owned(), files }
    }

    /// The same on another volume.
    pub(crate) fn on(self, mount: &Path) -> Self {
        Self { mount: mount.to_owned(), ..self }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.mount.join("data")
    }

    /// A file beside the volume.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Its init step, without what is restored and without a tool.
    pub(crate) fn step(&self) -> Run {
        let run = program(&["etcd"]).arg("--data-dir").arg(self.data_dir());
        run.args(["--generation", "g1", "--name", "m0"])
            .args(["--initial-cluster", "m0=http://127.0.0.1:2380"])
    }

    /// The same of a cluster's snapshots in a folder.
    pub(crate) fn of(&self, folder: &Folder) -> Run {
        self.step().args(["--from", &folder.url()]).args(PLACED)
    }

    /// A whole restore.
    pub(crate) fn restore(&self, folder: &Folder) -> Run {
        self.of(folder).arg("--tool").arg(&self.tool)
    }

    /// The same from a bucket.
    pub(crate) fn restore_bucket(&self, bucket: &Bucket) -> Run {
        let run = self.step().args(["--from", &bucket.url()]).args(PLACED);
        run.args(bucket.flags()).arg("--tool").arg(&self.tool)
    }

    /// A restore of one object or file that has no manifest.
    pub(crate) fn restore_bare(&self, file: &Path) -> Run {
        let run = self.step().arg("--from").arg(format!("file://{}", file.display()));
        run.arg("--tool").arg(&self.tool)
    }

    /// A tool that answers what it is asked beforehand as the real one does, and makes members in its
    /// own way: `$REAL` is the real one, `$DATA` the data directory that it is to make.
    pub(crate) fn fake(&self, name: &str, makes: &str) -> PathBuf {
        let real = self.tool.display();
        let text = format!(
            "REAL='{real}'\ncase \"$*\" in version|*--help*) exec \"$REAL\" \"$@\";; esac\n\
             DATA=$(echo \"$*\" | sed 's/.*--data-dir \\([^ ]*\\).*/\\1/')\n{makes}"
        );
        self.script(name, &text)
    }

    /// A program that is written in shell.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        // By another process: what is written here could be busy when it is run.
        let mut install = Command::new("install");
        install.args(["-m", "755", "/dev/stdin"]).arg(&path).stdin(Stdio::piped());
        let mut install = install.spawn().unwrap();
        let text = format!("#!/bin/sh\n{text}\n");
        install.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(install.wait().unwrap().success());
        path
    }

    /// Names in the data directory.
    pub(crate) fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.data_dir()) else { return vec![] };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Asserts that nothing is there but perhaps the volume's nonce.
    pub(crate) fn assert_untouched(&self, what: &str) {
        let names = self.names();
        assert!(names.iter().all(|name| name == NONCE), "{what}: {names:?}");
    }

    /// Asserts that a complete restore is there, and nothing else but the nonce. Gives its marker.
    pub(crate) fn assert_restored(&self, what: &str) -> Value {
        assert_eq!(self.names(), [NONCE, "member"], "{what}");
        let marker = self.marker(what);
        assert_eq!(marker["generation"], "g1", "{what}");
        marker
    }

    /// The marker of a member that is complete.
    pub(crate) fn marker(&self, what: &str) -> Value {
        let member = self.data_dir().join("member");
        let marker = std::fs::read(member.join("pilotfish-restored.json")).expect(what);
        let marker: Value = serde_json::from_slice(&marker).expect(what);
        let db = std::fs::read(member.join("snap/db")).expect(what);
        let options = Options { trailer: TrailerMode::Absent, ..Options::default() };
        let facts = etcd_image::describe(&db[..], &options).expect(what);
        assert_eq!(marker["revision"], facts.revision, "{what}");
        let wals = std::fs::read_dir(member.join("wal")).expect(what);
        assert!(wals.count() > 0, "{what}: no WAL");
        marker
    }
}

pub(crate) const PLACED: [&str; 4] = ["--namespace", "ns", "--cluster", "etcd"];

/// A folder with one small snapshot.
pub(crate) fn small() -> (Folder, Sample) {
    let sample = Sample::etcd(crate::PLACE, 1);
    (Folder::with(&[&sample]), sample)
}

/// A snapshot of three ranges, from a real etcd.
pub(crate) fn large() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.db");
    block_on(async {
        let etcd = Etcd::member(Version::V3_6).await.unwrap();
        etcd.put_many(320, 64 * 1024).await.unwrap();
        etcd.ctl_at(0, &["snapshot", "save", path.to_str().unwrap()]).await.unwrap();
    });
    std::fs::read(path).unwrap()
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// All that lies below a folder: modes, owners, times and contents.
pub(crate) fn tree(root: &Path) -> BTreeMap<PathBuf, String> {
    let (mut found, mut paths) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(path) = paths.pop() {
        let about = std::fs::symlink_metadata(&path).unwrap();
        let content = match about.is_dir() {
            true => {
                paths.extend(std::fs::read_dir(&path).unwrap().map(|it| it.unwrap().path()));
                String::new()
            }
            false => Digest::of(&std::fs::read(&path).unwrap()).to_string(),
        };
        let (mode, owner, time) = (about.mode(), about.uid(), about.mtime_nsec());
        found.insert(path, format!("{mode:o} {owner} {time} {content}"));
    }
    found
}
