// SPDX-License-Identifier: Apache-2.0
//! `snapshot-read` from outside: what it lists, what it brings back, and what it leaves when it cannot.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod broken;
mod disk;
mod faults;
mod get;
mod inspect;
mod list;
mod usage;

use std::path::PathBuf;

use stock::{Bucket, Folder, Run, Sample};
use tempfile::TempDir;

/// Whose snapshots most tests are about.
const PLACE: &str = "ns/etcd";

/// A run that reads from a folder.
fn read(folder: &Folder, args: &[&str]) -> Run {
    program(args).args(["--from", &folder.url()])
}

fn program(args: &[&str]) -> Run {
    Run::new(env!("CARGO_BIN_EXE_snapshot-read"), args)
}

/// Where snapshots are brought back to.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("restored.db")
    }

    /// `get WHICH` of the cluster from a folder.
    fn get(&self, folder: &Folder, which: &str) -> Run {
        read(folder, &["get", which]).arg(self.file()).args(PLACED)
    }

    /// The same from a bucket.
    fn get_bucket(&self, bucket: &Bucket, which: &str) -> Run {
        let run = program(&["get", which]).arg(self.file()).args(PLACED);
        run.args(["--from", &bucket.url()]).args(bucket.flags())
    }

    /// Asserts that the content was brought back, and nothing else.
    fn assert_holds(&self, sample: &Sample) {
        assert!(std::fs::read(self.file()).unwrap() == sample.bytes(), "other bytes");
        assert_eq!(self.names(), ["restored.db"]);
    }

    /// Asserts that nothing was left.
    fn assert_empty(&self, what: &str) {
        assert_eq!(self.names(), [""; 0], "{what}");
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

const PLACED: [&str; 4] = ["--namespace", "ns", "--cluster", "etcd"];
