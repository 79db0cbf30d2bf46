// SPDX-License-Identifier: Apache-2.0
//! A spool that cannot hold the report: it is posted all the same, and that is told.

use std::path::Path;
use std::process::Command;

use crate::harness::{Pod, free_address, posts, taking};

/// A disk of its own.
struct Disk(tempfile::TempDir);

impl Disk {
    /// None, and a line that says so, where this process may not mount.
    #[expect(clippy::print_stdout, reason = "the runner must see what was left out")]
    fn mounted(size: &str) -> Option<Self> {
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

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn fill(&self) {
        std::fs::write(self.path().join("filler"), vec![b'x'; 4_000_000]).unwrap_err();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(self.path()).status().ok();
    }
}

#[test]
fn a_spool_on_a_full_disk_is_told_and_the_report_is_posted() {
    let Some(disk) = Disk::mounted("1m") else { return };
    disk.fill();
    let origin = taking();
    let pod = Pod::new(&origin.url(), "canopy-stats").args(["--spool-dir"]).args([disk.path()]);
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let ended = pod.once();
    ended.assert(0, &["reported"]);
    assert!(ended.log.contains("the spool cannot be written"), "{}", ended.log);
    posts(&origin, 1);
}

/// It is not said to be kept where it is not.
#[test]
fn a_report_that_fits_nowhere_is_in_the_last_word() {
    let Some(disk) = Disk::mounted("1m") else { return };
    let url = format!("http://{}", free_address());
    let pod = Pod::new(&url, "canopy-stats").args(["--spool-dir"]).args([disk.path()]);
    let pod = pod.with("--grace", "1s");
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let post = pod.start();
    // Full after it began.
    disk.fill();
    let ended = post.stop();
    ended.assert(2, &["could not be delivered"]);
    assert!(!ended.last_word.contains("kept in"), "{}", ended.last_word);
    assert_eq!(ended.facts()["report"]["tallies"]["received_payload_bytes"], 4);
}

#[test]
fn a_spool_that_may_not_be_written_is_told_and_the_report_is_posted() {
    let origin = taking();
    let pod = Pod::new(&origin.url(), "canopy-stats").args(["--spool-dir", "/proc/none/spool"]);
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let ended = pod.once();
    ended.assert(0, &["reported"]);
    assert!(ended.log.contains("the spool cannot be made"), "{}", ended.log);
}
