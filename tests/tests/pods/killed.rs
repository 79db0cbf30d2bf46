// SPDX-License-Identifier: Apache-2.0
//! A container dies: the next attempt goes on, and the data comes back.

use crate::bed::{Bed, Settings};
use crate::story::last_tallies;

/// Some objects of kopia, of about 20 MB each.
const BYTES: u64 = 64 << 20;
/// Enough that files lie in the volume, and not nearly all.
pub(crate) const UNDER_WAY: u64 = 16 << 20;

/// Enough to be held in the midst of it.
pub(crate) fn some() -> Settings {
    Settings { bytes: BYTES, ..Settings::default() }
}

#[test]
fn a_restore_whose_kopia_is_killed_is_tried_again_and_ends_restored() {
    let bed = Bed::open("killed", some());
    bed.back_up();
    bed.hold(UNDER_WAY);
    bed.start_restore();
    let first = bed.pod_when_moving("kopia-restore", "restore", UNDER_WAY);
    bed.kill(&first, "restore");
    bed.release();
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
    let bed = Bed::open("cut", some());
    bed.create_repository();
    bed.hold(UNDER_WAY);
    bed.start_backup("backup");
    let first = bed.pod_when_moving("backup", "snapshot", UNDER_WAY);
    bed.kill(&first, "snapshot");
    bed.release();
    bed.assert_complete("backup");
    assert_eq!(bed.pods_of("backup").expect("pods").len(), 2);
    bed.start_restore();
    bed.assert_complete("kopia-restore");
    bed.assert_restored();
}

#[test]
fn a_proxy_that_is_killed_comes_back_with_its_pair_port_and_tallies() {
    let bed = Bed::open("proxy", some());
    bed.back_up();
    bed.hold(UNDER_WAY);
    bed.start_restore();
    let pod = bed.pod_when_moving("kopia-restore", "restore", UNDER_WAY);
    let kept = bed.await_kept_tallies(&pod, UNDER_WAY);
    bed.kill(&pod, "s3-resign-proxy");
    bed.release();
    bed.assert_complete("kopia-restore");
    let pods = bed.pods_of("kopia-restore").expect("pods");
    assert_eq!(pods.len(), 1, "kopia went on by itself:\n{}", bed.story());
    assert_eq!(pods[0].restarts("s3-resign-proxy"), 1);
    let last = pods[0].ended("s3-resign-proxy").expect("the last word");
    assert_eq!(last.exit, 0, "{last:?}");
    // The second alone has moved what the first had not.
    let moved = last_tallies(&last);
    assert!(moved >= BYTES, "{moved} of {BYTES}, {kept} kept: {}", last.message);
    bed.assert_restored();
}
