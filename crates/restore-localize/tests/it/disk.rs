// SPDX-License-Identifier: Apache-2.0
//! A disk that has too little room from the start, or fills up meanwhile.

use std::path::Path;
use std::time::Duration;

use stock::{Bucket, Folder, Sample, Tmpfs};
use testbed::FaultPlan;
use testbed::etcd::Version;

use crate::PLACE;
use crate::bed::{OF_3_4, Pod, large, small, utl};

/// Takes all room that is left.
fn fill(disk: &Path) {
    let piece = vec![b'x'; 400_000_000];
    std::fs::write(disk.join("filler"), piece).unwrap_err();
}

#[test]
fn a_volume_that_is_too_small_is_found_out_before_anything_is_fetched() {
    let (folder, sample) = small();
    // What is fetched is damaged, so that who fetches it ends otherwise.
    folder.write(&sample.data_key(), stock::flipped(sample.stored(), 9));
    for size in ["1m", "64m", "122m"] {
        let (Some(pod), Some(disk)) = (Pod::new(), Tmpfs::mounted(size)) else { return };
        let pod = pod.on(disk.path());
        pod.restore(&folder).end().assert(75, &["bytes free, and the restore needs 128106560"]);
        pod.assert_untouched(size);
    }
}

#[test]
fn a_disk_that_fills_up_during_the_download_is_left_as_it_was() {
    let (Some(pod), Some(disk)) = (Pod::new(), Tmpfs::mounted("240m")) else { return };
    let pod = pod.on(disk.path());
    let bucket = Bucket::with(&[&Sample::new(PLACE, 1).content(large())]);
    // So slow that the disk is full long before the last range is there.
    bucket.fault(FaultPlan::none().throttled(8_000_000));
    let mut going = pod.restore_bucket(&bucket).start();
    let has_begun = |_: &testbed::Running| pod.names().contains(&".pilotfish-g1".to_owned());
    going.running.wait_until(Duration::from_secs(20), "the download begins", has_begun).unwrap();
    fill(disk.path());
    going.end().assert(75, &["snapshot.db", "it is full"]);
    pod.assert_untouched("full while it was fetched");
    std::fs::remove_file(disk.path().join("filler")).unwrap();
    bucket.fault(FaultPlan::none());
    pod.restore_bucket(&bucket).end().assert(0, &["320 keys"]);
    pod.assert_restored("there is room again");
}

/// The volume has room for nothing of what etcd's tool makes, for a part of the database, and for a part
/// of the WAL; each etcd says it in its own way.
#[test]
fn a_disk_that_fills_up_while_the_member_is_made_is_left_as_it_was() {
    for version in Version::ALL {
        let (Some(tool), Some(disk)) = (utl(version), Tmpfs::mounted("200m")) else { return };
        let pod = Pod::of_tool(tool).on(disk.path());
        let sample = Sample::etcd_of(PLACE, 1, OF_3_4.to_vec());
        let folder = Folder::with(&[&sample]);
        for room in [0, 20_000, 30_000_000] {
            let tool = pod.fake(&format!("filling-{room}"), &filling(disk.path(), room));
            pod.of(&folder).arg("--tool").arg(tool).end().assert(75, &["filling"]);
            pod.assert_untouched(&format!("{version:?} with {room} bytes of room"));
            std::fs::remove_file(disk.path().join("filler")).unwrap();
        }
        pod.restore(&folder).end().assert(0, &[]);
        pod.assert_restored("there is room again");
    }
}

/// Takes all room of a disk but so many bytes, and only then makes the member.
fn filling(disk: &Path, room: u64) -> String {
    let disk = disk.display();
    format!(
        "left=$(($(stat -f -c '%a * %S' '{disk}') - {room}))\n\
         head -c $left /dev/zero >'{disk}/filler' 2>&-\nexec \"$REAL\" \"$@\""
    )
}

/// Two snapshots' room is asked for, not one's.
#[test]
fn a_volume_with_just_enough_room_is_enough() {
    let (Some(pod), Some(disk)) = (Pod::new(), Tmpfs::mounted("129m")) else { return };
    let pod = pod.on(disk.path());
    pod.restore(&Folder::with(&[&Sample::etcd(PLACE, 1)])).end().assert(0, &[]);
    pod.assert_restored("just enough");
}
