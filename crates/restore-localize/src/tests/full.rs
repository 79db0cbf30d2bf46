// SPDX-License-Identifier: Apache-2.0
//! A disk that is full from one step on: the run ends with 75, the volume is as it was, and once there is
//! room the next run goes on.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sidecar::{Exit, Failure};
use stock::Tmpfs;

use crate::steps::{Edge, Step, Watch};
use crate::tests::bed::Bed;

/// Room for a restore of the sample: its WAL above all.
const VOLUME: &str = "160m";
/// All of ours that a volume keeps.
const NONCE: &[&str] = &[".pilotfish-volume"];
/// Room for claims.
const CLAIMS: &str = "1m";

/// A volume of its own, or claims of their own.
struct Disk(Tmpfs);

impl Disk {
    fn mounted(size: &str) -> Option<Self> {
        Tmpfs::mounted(size).map(Self)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// A run that finds no room from that step on ends for it; nothing is left but what a volume keeps, and
    /// with room again the next one goes on.
    fn assert_goes_on(&self, step: Step, bed: &Bed) {
        let error = bed.run(self.full_from(step)).unwrap_err();
        assert_eq!(Failure::exit_of(&error), Exit::Temporary, "{step:?}: {error:#}");
        assert!(!bed.is_live(), "{step:?}");
        assert_eq!(bed.ours(), if has_nonce(step) { NONCE } else { &[] }, "{step:?}");
        std::fs::remove_file(self.filler()).unwrap();
        bed.restore();
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
        if needs_no_room(step) {
            assert_eq!(bed.run(disk.full_from(step)).unwrap().exit, Exit::Done, "{step:?}");
        } else {
            disk.assert_goes_on(step, &bed);
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
        disk.assert_goes_on(step, &bed);
        bed.assert_complete(&format!("{step:?}"));
    }
}
