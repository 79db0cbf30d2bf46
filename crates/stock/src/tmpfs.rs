// SPDX-License-Identifier: Apache-2.0
//! A small file system of its own, for disks that run full.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted tmpfs; it goes when it is dropped.
pub struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    /// One of a size as `mount` takes it, such as `24m`. None, and a line that says so, where this process may
    /// not mount.
    #[expect(clippy::print_stdout, reason = "the runner must see what was left out")]
    pub fn mounted(size: &str) -> Option<Self> {
        let at = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at.path());
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        if !is_mounted {
            assert_ne!(std::env::var("REQUIRE_ALL").as_deref(), Ok("1"), "a small disk needs root");
            println!("LEFT OUT: a disk of its own: mounting needs root");
        }
        is_mounted.then_some(Self(at))
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// What lies at its root.
    pub fn names(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Nobody may write any more.
    pub fn seal(&self) {
        let mut mount = Command::new("mount");
        let status = mount.args(["-o", "remount,ro"]).arg(self.path()).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(self.path()).status().ok();
    }
}
