// SPDX-License-Identifier: Apache-2.0
//! Where anything is unclear, nothing is deleted.

use stock::{Bucket, Folder, Sample};
use testbed::{Fault, FaultPlan, Lost, Match};

use crate::{PLACE, cluster, folder_of, hourly, prune, prune_bucket};

const ARGS: [&str; 5] = ["--keep-last", "1", "--min-keep", "1", "--apply"];

#[test]
fn an_empty_listing_is_no_licence() {
    let folder = folder_of(&hourly("ns/other", 3));
    folder.write_old("ns/etcd/2026-01-01T00-00-00Z-00000000.snap", "orphan", 24 * 8);
    let before = folder.tree();
    prune(&folder, &ARGS).end().assert(69, &["ns/etcd has no snapshot", "empty listing"]);
    cluster(&folder, "nobody", &ARGS).end().assert(69, &["ns/nobody has no snapshot"]);
    assert_eq!(folder.tree(), before);
}

#[test]
fn a_folder_or_bucket_that_is_not_there_is_named() {
    let (folder, bucket) = (Folder::new(), Bucket::new());
    let gone = format!("{}/gone", folder.url());
    let args = ["--namespace", "ns", "--cluster", "etcd", "--from", &gone];
    let ended = crate::program(&ARGS).args(args).end();
    ended.assert(69, &["gone is not a folder"]);
    let args = ["--namespace", "ns", "--cluster", "etcd", "--from", "s3://gone/pre"];
    let ended = crate::program(&ARGS).args(args).args(bucket.flags()).end();
    ended.assert(69, &["s3://gone does not exist"]);
}

#[test]
fn a_manifest_that_cannot_be_read_stops_the_run() {
    let samples = hourly(PLACE, 4);
    for (manifest, words) in [
        ("{", "not a document of ours"),
        (r#"{"version": "2.0"}"#, "newer release"),
        ("", "not a document of ours"),
    ] {
        let folder = folder_of(&samples);
        folder.write(&samples[2].manifest_key(), manifest);
        let before = folder.tree();
        let ended = prune(&folder, &ARGS).end();
        ended.assert(65, &["nothing is deleted", &samples[2].id().to_string(), words]);
        assert_eq!(folder.tree(), before);
    }
}

#[test]
fn a_manifest_of_another_snapshot_stops_the_run() {
    let samples = hourly(PLACE, 3);
    let folder = folder_of(&samples);
    folder.write(&samples[0].manifest_key(), samples[1].manifest().to_bytes().unwrap());
    prune(&folder, &ARGS).end().assert(65, &["it is the manifest of"]);
}

#[test]
fn a_snapshot_from_the_future_stops_the_run() {
    let samples = [Sample::new(PLACE, -1), Sample::new(PLACE, 1), Sample::new(PLACE, 2)];
    let folder = folder_of(&samples);
    let before = folder.tree();
    prune(&folder, &ARGS).end().assert(65, &["nothing is deleted", "ahead of this clock"]);
    assert_eq!(folder.tree(), before);
}

#[test]
fn a_listing_that_breaks_off_deletes_nothing() {
    let samples = hourly(PLACE, 502);
    let bucket = Bucket::with(&samples.iter().collect::<Vec<_>>());
    let second_page = || Match::method("GET").target("continuation-token");
    for fault in [Fault::slow_down(), Fault::LoseAnswer(Lost::Reset)] {
        bucket.fault(FaultPlan::one(second_page(), fault.clone()));
        let ended = prune_bucket(&bucket, &ARGS).end();
        ended.assert(75, &["s3://bucket/pre/ns/etcd: listing it failed"]);
        assert_eq!(bucket.keys().len(), 1004, "{fault:?}");
    }
}

#[test]
fn a_store_that_denies_says_which_right_is_missing() {
    let bucket = Bucket::with(&[&Sample::new(PLACE, 1)]);
    let denied = Fault::Answer { status: 403, code: "AccessDenied".to_owned() };
    bucket.fault(FaultPlan::one(Match::method("GET").target("list-type"), denied.clone()));
    prune_bucket(&bucket, &ARGS).end().assert(77, &["s3:ListBucket on arn:aws:s3:::bucket"]);
    bucket.fault(FaultPlan::one(Match::method("GET").target(".json"), denied));
    prune_bucket(&bucket, &ARGS).end().assert(77, &["s3:GetObject on arn:aws:s3:::bucket/pre/ns"]);
}
