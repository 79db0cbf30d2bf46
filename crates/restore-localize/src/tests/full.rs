// SPDX-License-Identifier: Apache-2.0
//! A disk that is full from one step on: the run ends with 75, the volume is as it was, and once there is
//! room the next run goes on.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use sidecar::{Exit, Failure};

use crate::steps::{Edge, Step, Watch};
use crate::tests::bed::Bed;

/// Room for a restore of the sample: its WAL above all.
const VOLUME: &str = "160m";
/// All of ours that a volume keeps.
const NONCE: &[&str] = &[".pilotfish-volume"];
/// Room for claims.
const CLAIMS: &str = "1m";

/// A small file system of its own; it goes when it is dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    /// None, and a line that says so, where this process may not mount.
    fn mounted(size: &str) -> Option<Self> {
        let at = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at.path());
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        if !is_mounted {
            assert_ne!(std::env::var("REQUIRE_ALL").as_deref(), Ok("1"), "a small disk needs root");
            println!("LEFT OUT: a full disk: mounting needs root");
        }
        is_mounted.then_some(Self(at))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Takes all its room when the step begins.
    fn full_from(&self, full: Step) -> Watch {
        let filler = self.filler();
        Arc::new(move |step, edge| {
            if (step, edge) == (full, Edge::Before) {
                fill(&filler);
            }
        })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(self.path()).status().ok();
    }
}

fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let piece = [b'x'; 4096].repeat(64);
    let error = loop {
        if let Err(error) = file.write_all(&piece) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::StorageFull);
}

/// From these steps on nothing is written to the volume any more.
fn needs_no_room(step: Step) -> bool {
    matches!(step, Step::Sync | Step::Claim | Step::Swap | Step::Tidy)
}

/// Whether the volume has one when this step begins.
fn has_nonce(step: Step) -> bool {
    let place = |step| Step::ALL.into_iter().position(|it| it == step);
    place(step) > place(Step::Volume)
}

#[test]
fn a_volume_that_is_full_from_a_step_on_is_left_as_it_was() {
    let Some(disk) = Disk::mounted(VOLUME) else { return };
    for step in Step::ALL {
        let Some(bed) = Bed::new() else { return };
        let bed = bed.on(disk.path());
        let ended = bed.run(disk.full_from(step));
        if needs_no_room(step) {
            assert_eq!(ended.unwrap().exit, Exit::Done, "{step:?}");
        } else {
            let error = ended.unwrap_err();
            assert_eq!(Failure::exit_of(&error), Exit::Temporary, "{step:?}: {error:#}");
            assert!(!bed.is_live(), "{step:?}");
            assert_eq!(bed.ours(), if has_nonce(step) { NONCE } else { &[] }, "{step:?}");
            std::fs::remove_file(disk.filler()).unwrap();
            bed.restore();
        }
        bed.assert_complete(&format!("{step:?}"));
        assert_eq!(bed.ours(), NONCE, "{step:?}");
        std::fs::remove_dir_all(disk.path().join("data")).unwrap();
        std::fs::remove_file(disk.filler()).ok();
    }
}

#[test]
fn claims_that_find_no_room_leave_the_volume_as_it_was() {
    for step in [Step::Pin, Step::Claim] {
        let (Some(disk), Some(bed)) = (Disk::mounted(CLAIMS), Bed::new()) else { return };
        let bed = bed.claiming(disk.path());
        let error = bed.run(disk.full_from(step)).unwrap_err();
        assert_eq!(Failure::exit_of(&error), Exit::Temporary, "{step:?}: {error:#}");
        assert!(!bed.is_live(), "{step:?}");
        assert_eq!(bed.ours(), if has_nonce(step) { NONCE } else { &[] }, "{step:?}");
        std::fs::remove_file(disk.filler()).unwrap();
        bed.restore();
        bed.assert_complete(&format!("{step:?}"));
    }
}
