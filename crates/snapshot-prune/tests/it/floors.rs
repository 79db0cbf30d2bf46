// SPDX-License-Identifier: Apache-2.0
//! What no rule and no flag takes away.

use snapshot::Class;
use stock::{Bucket, Folder, Sample};

use crate::{PLACE, cluster, folder_of, hourly, prune, prune_bucket, there};

#[test]
fn the_newest_is_never_deleted() {
    let samples = hourly(PLACE, 3);
    let folder = folder_of(&samples);
    let args = ["--keep-within", "1s", "--min-keep", "0", "--apply"];
    prune(&folder, &args).end().assert(0, &["deleted 2 snapshots"]);
    assert_eq!(there(&folder, &samples), [0]);
}

#[test]
fn three_stay_unless_another_floor_is_given() {
    let samples = hourly(PLACE, 6);
    let folder = folder_of(&samples);
    prune(&folder, &["--keep-last", "1", "--apply"]).end().assert(0, &["deleted 3 snapshots"]);
    assert_eq!(there(&folder, &samples), [0, 1, 2]);
}

#[test]
fn other_classes_are_left_alone() {
    let samples = [
        Sample::new(PLACE, 1),
        Sample::new(PLACE, 2),
        Sample::new(PLACE, 3).class(Class::Manual),
        Sample::new(PLACE, 4).class(Class::PreUpgrade),
        Sample::new(PLACE, 5).class(Class::Manual),
    ];
    let folder = folder_of(&samples);
    let args = ["--keep-last", "1", "--min-keep", "1", "--apply"];
    let ended = prune(&folder, &args).end();
    ended.assert(0, &["deleted 1 snapshots"]);
    assert!(ended.stdout.contains("keep: other class"), "{}", ended.stdout);
    assert_eq!(there(&folder, &samples), [0, 2, 3, 4]);
    let manual = [&args[..], &["--class", "manual"]].concat();
    prune(&folder, &manual).end().assert(0, &["deleted 1 snapshots"]);
    assert_eq!(there(&folder, &samples), [0, 2, 3]);
}

#[test]
fn a_cluster_whose_name_begins_alike_is_not_touched() {
    let (mine, other) = (hourly("ns/etcd-a", 4), hourly("ns/etcd-a-2", 4));
    let folder = folder_of(&mine);
    other.iter().for_each(|sample| folder.put(sample));
    let args = ["--keep-last", "1", "--min-keep", "1", "--apply"];
    cluster(&folder, "etcd-a", &args).end().assert(0, &["deleted 3 snapshots"]);
    assert_eq!((there(&folder, &mine).len(), there(&folder, &other).len()), (1, 4));
}

#[test]
fn a_cluster_whose_name_begins_alike_is_not_touched_in_a_bucket() {
    let (mine, other) = (hourly("ns/etcd", 3), hourly("ns/etcd-2", 3));
    let bucket = Bucket::with(&mine.iter().chain(&other).collect::<Vec<_>>());
    let args = ["--keep-last", "1", "--min-keep", "1", "--apply"];
    prune_bucket(&bucket, &args).end().assert(0, &["deleted 2 snapshots"]);
    let of = |folder: &str| bucket.keys().iter().filter(|it| it.starts_with(folder)).count();
    assert_eq!((of("ns/etcd/"), of("ns/etcd-2/")), (2, 6));
}

#[test]
fn a_snapshot_without_its_data_is_kept_and_counts_for_nothing() {
    let samples = hourly(PLACE, 5);
    let folder = folder_of(&samples);
    folder.remove(&samples[0].data_key());
    folder.write(&samples[1].data_key(), "cut");
    let args = ["--keep-last", "2", "--min-keep", "1", "--apply"];
    let ended = prune(&folder, &args).end();
    ended.assert(2, &["deleted 1 snapshots", "2 broken and kept", "its data is not there"]);
    assert!(ended.stdout.contains("its data has 3 bytes"), "{}", ended.stdout);
    assert_eq!(there(&folder, &samples[1..]), [0, 1, 2]);
    assert!(folder.has(&samples[0].manifest_key()));
}

#[test]
fn a_store_that_lets_no_data_be_asked_for_is_pruned_all_the_same() {
    let samples = hourly(PLACE, 4);
    let bucket = Bucket::with(&samples.iter().collect::<Vec<_>>());
    let gone = samples[1].data_key();
    std::fs::remove_file(bucket.path(&gone)).unwrap();
    let denied = testbed::Fault::Reply { status: 403, headers: vec![], body: vec![] };
    bucket.fault(testbed::FaultPlan::one(testbed::Match::method("HEAD"), denied));
    let args = ["--keep-last", "1", "--min-keep", "1", "--apply"];
    let ended = prune_bucket(&bucket, &args).end();
    ended.assert(2, &["deleted 2 snapshots", "1 broken and kept", "s3:GetObject"]);
    assert!(bucket.has(&samples[0].data_key()) && bucket.has(&samples[1].manifest_key()));
}

#[test]
fn a_folder_with_broken_snapshots_alone_loses_none() {
    let samples = hourly(PLACE, 3);
    let folder = Folder::new();
    let manifests = samples.iter().map(|it| it.objects().pop().unwrap());
    manifests.for_each(|(key, bytes)| folder.write(&key, bytes));
    let before = folder.tree();
    let args = ["--keep-last", "1", "--min-keep", "1", "--apply"];
    prune(&folder, &args).end().assert(2, &["deleted 0 snapshots", "3 broken and kept"]);
    assert_eq!(folder.tree(), before);
}
