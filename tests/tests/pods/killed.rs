// SPDX-License-Identifier: Apache-2.0
//! A container dies: the next attempt goes on, and the data comes back.

use crate::bed::{Bed, Settings};
use crate::story::last_tallies;

const BYTES: u64 = 96 << 20;
/// Slow enough that a loaded machine still finds it at work.
const SPEED: u64 = 4 << 20;
/// Enough that files lie in the volume, and not nearly all.
pub(crate) const UNDER_WAY: u64 = 56 << 20;

/// Some seconds of work.
pub(crate) fn slow() -> Settings {
    Settings { bytes: BYTES, speed: Some(SPEED), ..Settings::default() }
}

#[test]
fn a_restore_whose_kopia_is_killed_is_tried_again_and_ends_restored() {
    let bed = Bed::open("killed", slow());
    bed.back_up();
    bed.start_restore();
    let first = bed.pod_when_moving("kopia-restore", "restore", UNDER_WAY);
    bed.kill(&first, "restore");
    bed.assert_complete("kopia-restore");
    let pods = bed.pods_of("kopia-restore").expect("pods");
    assert_eq!(pods.len(), 2, "one failed, one restored");
    let ended = pods[0].ended("restore").expect("it was killed");
    assert_eq!(ended.exit, 137, "{ended:?}");
    let described = bed.describe("kopia-restore");
    assert!(described.contains("Exit Code:    137"), "{described}");
    bed.assert_restored();
}

#[test]
fn a_backup_whose_kopia_is_killed_leaves_no_half_snapshot_to_be_restored() {
    let bed = Bed::open("cut", slow());
    bed.create_repository();
    bed.start_backup("backup");
    let first = bed.pod_when_moving("backup", "snapshot", UNDER_WAY);
    bed.kill(&first, "snapshot");
    bed.assert_complete("backup");
    assert_eq!(bed.pods_of("backup").expect("pods").len(), 2);
    bed.start_restore();
    bed.assert_complete("kopia-restore");
    bed.assert_restored();
}

#[test]
fn a_proxy_that_is_killed_comes_back_with_its_pair_port_and_tallies() {
    let bytes = 160 << 20;
    let bed = Bed::open("proxy", Settings { bytes, ..slow() });
    bed.back_up();
    bed.start_restore();
    let pod = bed.pod_when_moving("kopia-restore", "restore", UNDER_WAY);
    let kept = bed.await_kept_tallies(&pod);
    bed.kill(&pod, "s3-resign-proxy");
    bed.assert_complete("kopia-restore");
    let pods = bed.pods_of("kopia-restore").expect("pods");
    assert_eq!(pods.len(), 1, "kopia went on by itself:\n{}", bed.story());
    assert_eq!(pods[0].restarts("s3-resign-proxy"), 1);
    let last = pods[0].ended("s3-resign-proxy").expect("the last word");
    assert_eq!(last.exit, 0, "{last:?}");
    // What the first had not yet moved is the most that the second can have moved alone.
    let moved = last_tallies(&last);
    assert!(moved > bytes - kept.min(bytes), "{moved} of {bytes}, {kept} kept: {}", last.message);
    assert!(moved >= kept, "{moved} of {bytes}, {kept} kept: {}", last.message);
    bed.assert_restored();
}
