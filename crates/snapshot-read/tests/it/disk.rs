// SPDX-License-Identifier: Apache-2.0
//! The place that the file is made in.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stock::{Bucket, Folder, Sample, Tmpfs};
use testbed::FaultPlan;

use crate::{Desk, PLACE, PLACED, program, read};

#[test]
fn a_file_that_is_there_already_is_not_touched() {
    let folder = Folder::with(&[&Sample::new(PLACE, 1)]);
    let desk = Desk::new();
    std::fs::write(desk.file(), "mine").unwrap();
    desk.get(&folder, "latest").end().assert(64, &["restored.db is there already"]);
    assert_eq!(std::fs::read_to_string(desk.file()).unwrap(), "mine");
    std::fs::remove_file(desk.file()).unwrap();
    symlink("nowhere", desk.file()).unwrap();
    desk.get(&folder, "latest").end().assert(64, &["restored.db"]);
    assert_eq!(std::fs::read_link(desk.file()).unwrap(), Path::new("nowhere"));
    assert_eq!(desk.names(), ["restored.db"]);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = Folder::with(&[&Sample::new(PLACE, 1)]);
    let run = read(&folder, &["get", "latest", "/is/not/there/x"]).args(PLACED);
    run.end().assert(64, &["/is/not/there"]);
}

#[test]
fn a_folder_in_which_nothing_may_be_made_is_named() {
    let folder = Folder::with(&[&Sample::new(PLACE, 1).content("")]);
    read(&folder, &["get", "latest", "/proc/x"]).args(PLACED).end().assert(64, &["/proc"]);
}

#[test]
fn a_disk_that_has_too_little_room_is_found_out_before_anything_is_fetched() {
    let Some(disk) = Tmpfs::mounted("1m") else { return };
    let folder = Folder::with(&[&Sample::new(PLACE, 1).content(vec![b'x'; 2_000_000])]);
    let run = read(&folder, &["get", "latest"]).arg(disk.path().join("x")).args(PLACED);
    run.end().assert(75, &["bytes left and the snapshot has 2000000"]);
    assert_eq!(disk.names(), [""; 0].map(PathBuf::from));
}

#[test]
fn a_disk_that_fills_up_meanwhile_is_left_as_it_was() {
    let Some(disk) = Tmpfs::mounted("24m") else { return };
    let bucket = Bucket::with(&[&Sample::new(PLACE, 1).content(vec![b'x'; 20_000_000])]);
    // So slow that the disk is full long before the first range is there.
    bucket.fault(FaultPlan::none().throttled(4_000_000));
    let run = program(&["get", "latest"]).arg(disk.path().join("x")).args(PLACED);
    let mut going = run.args(["--from", &bucket.url()]).args(bucket.flags()).start();
    let has_begun = |_: &testbed::Running| !disk.names().is_empty();
    going.running.wait_until(Duration::from_secs(20), "the file is begun", has_begun).unwrap();
    std::fs::write(disk.path().join("filler"), vec![b'x'; 30_000_000]).unwrap_err();
    going.end().assert(75, &["writing it failed", "space"]);
    assert_eq!(disk.names(), [disk.path().join("filler")]);
}
