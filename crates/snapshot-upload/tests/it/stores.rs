// SPDX-License-Identifier: Apache-2.0
//! Stores and disks that fail.

use stock::{Tmpfs, files};
use testbed::{Fault, FaultPlan, Match};

use crate::bed::{Bed, Run, small};
use crate::fake_etcd::{FakeEtcd, healthy, member};

#[test]
fn an_error_under_200_at_completion_is_not_a_snapshot() {
    let bed = Bed::new();
    let path = bed.path("large");
    std::fs::write(&path, vec![7; 20_000_000]).unwrap();
    let complete = Match::method("POST").target("uploadId=");
    bed.fault(FaultPlan::one(complete, Fault::error_under_200()));
    let file = ["file", path.to_str().unwrap()];
    bed.upload(&file).end().assert(75, &["InternalError"]);
    assert_eq!(bed.objects(), [""; 0]);
}

#[test]
fn a_store_that_is_away_for_good_is_worth_another_try_and_one_that_denies_is_not() {
    let bed = Bed::new();
    let path = bed.path("content");
    std::fs::write(&path, "content").unwrap();
    let file = ["file", path.to_str().unwrap()];
    bed.fault(FaultPlan::one(Match::any(), Fault::slow_down()));
    bed.upload(&file).end().assert(75, &["503", "SlowDown"]);
    bed.fault(FaultPlan::one(Match::method("PUT"), Fault::early_403()));
    bed.upload(&file)
        .end()
        .assert(77, &["denied", "s3:PutObject on arn:aws:s3:::bucket/pre/ns/etcd/runs/"]);
    bed.fault(FaultPlan::none());
    bed.assert_empty("no store");
}

#[test]
fn the_least_rights_do_without_list_and_read_of_what_is_not_there() {
    let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(&small()))));
    // S3 denies reading what is not there to those who may not list.
    let denied = Fault::Answer { status: 403, code: "AccessDenied".to_owned() };
    bed.fault(FaultPlan::one(Match::method("GET").target(".snap.json"), denied));
    bed.upload(&["etcd", "--endpoint", &etcd.url()]).end().assert(0, &["committed"]);
    bed.assert_one_whole("least rights");
}

#[test]
fn a_full_store_and_a_full_spool_leave_nothing_and_say_so() {
    let Some(small_disk) = Tmpfs::mounted("12m") else { return };
    let source = tempfile::tempdir().unwrap();
    let path = source.path().join("large");
    std::fs::write(&path, vec![7; 16_000_000]).unwrap();
    let to = format!("file://{}", small_disk.path().display());
    let args = ["file", path.to_str().unwrap(), "--to", &to, "--namespace", "n", "--cluster", "c"];
    let ended = Run::new(&args).end();
    ended.assert(75, &["no space is left"]);
    let left = files(small_disk.path());
    assert!(left.iter().all(|(name, _)| name.contains("/runs/")), "{left:?}");

    let bed = Bed::new();
    let etcd = FakeEtcd::start(member(healthy(&small())));
    let tiny = Tmpfs::mounted("1m").unwrap();
    std::fs::write(tiny.path().join("filler"), vec![0; 1_020_000]).unwrap();
    let spool = ["--spool-dir", tiny.path().to_str().unwrap()];
    let ended = bed.upload(&["etcd", "--endpoint", &etcd.url()]).args(&spool).end();
    ended.assert(75, &["spool"]);
    bed.assert_empty("a full spool");
}
