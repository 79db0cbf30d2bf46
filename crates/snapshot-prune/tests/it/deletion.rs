// SPDX-License-Identifier: Apache-2.0
//! Deletions: their order, and what becomes of one that fails.

use std::time::Duration;

use stock::{Bucket, Sample};
use testbed::{Fault, FaultPlan, Match};

use crate::{PLACE, hourly, prune_bucket};

const ARGS: [&str; 5] = ["--keep-last", "1", "--min-keep", "1", "--apply"];

fn bucket_of(samples: &[Sample]) -> Bucket {
    Bucket::with(&samples.iter().collect::<Vec<_>>())
}

fn denied() -> Fault {
    Fault::Answer { status: 403, code: "AccessDenied".to_owned() }
}

/// Deletions of data alone.
fn of_data() -> Match {
    Match::method("DELETE").target(".snap").without(".json")
}

#[test]
fn the_manifest_goes_first_and_the_oldest_snapshot_before_the_others() {
    let samples = hourly(PLACE, 3);
    let bucket = bucket_of(&samples);
    // A fault that harms nothing, so that the front keeps account of what came by.
    bucket.fault(FaultPlan::one(Match::method("DELETE"), Fault::SplitHeaderBody));
    prune_bucket(&bucket, &ARGS).end().assert(0, &["deleted 2 snapshots"]);
    let seen: Vec<String> = bucket.front.hits().into_iter().map(|hit| hit.target).collect();
    let keys = [&samples[2], &samples[1]].map(|it| [it.manifest_key(), it.data_key()]).concat();
    let wanted: Vec<String> = keys.iter().map(|key| format!("/bucket/pre/{key}")).collect();
    assert_eq!(seen, wanted);
}

#[test]
fn data_that_cannot_be_deleted_is_an_orphan_that_a_later_run_takes() {
    let samples = hourly(PLACE, 3);
    let bucket = bucket_of(&samples);
    bucket.fault(FaultPlan::one(of_data(), denied()));
    let ended = prune_bucket(&bucket, &ARGS).end();
    ended.assert(2, &["deleted 2 snapshots", "2 could not be deleted", "s3:DeleteObject on"]);
    assert_eq!(ended.facts["failed"].as_array().unwrap().len(), 2);
    let left =
        |at: usize| (bucket.has(&samples[at].manifest_key()), bucket.has(&samples[at].data_key()));
    assert_eq!([left(0), left(1), left(2)], [(true, true), (false, true), (false, true)]);
    bucket.fault(FaultPlan::none());
    bucket.age(&samples[1].data_key(), 24 * 7 + 1);
    prune_bucket(&bucket, &ARGS).end().assert(0, &["deleted 0 snapshots and 1 leftovers"]);
    assert_eq!([left(0), left(1), left(2)], [(true, true), (false, false), (false, true)]);
}

#[test]
fn a_manifest_that_cannot_be_deleted_keeps_its_data_and_the_others_go() {
    let samples = hourly(PLACE, 4);
    let bucket = bucket_of(&samples);
    let manifest = samples[3].manifest_key();
    bucket.fault(FaultPlan::one(Match::method("DELETE").target(&manifest), denied()));
    let ended = prune_bucket(&bucket, &ARGS).end();
    ended.assert(2, &["deleted 2 snapshots", "1 could not be deleted", &manifest]);
    assert!(bucket.has(&samples[3].data_key()));
    assert_eq!(bucket.keys().len(), 4);
}

#[test]
fn a_locked_object_is_reported_as_kept_and_is_no_failure() {
    let samples = hourly(PLACE, 3);
    let bucket = bucket_of(&samples);
    let said = "Object is WORM protected and cannot be overwritten";
    let body = format!("<Error><Code>AccessDenied</Code><Message>{said}</Message></Error>");
    let locked = Fault::Reply { status: 403, headers: vec![], body: body.into_bytes() };
    let manifest = samples[2].manifest_key();
    bucket.fault(FaultPlan::one(Match::method("DELETE").target(&manifest), locked));
    let ended = prune_bucket(&bucket, &ARGS).end();
    ended.assert(0, &["deleted 1 snapshots", "kept by a lock: 1"]);
    assert_eq!(ended.facts["locked"][0], format!("s3://bucket/pre/{manifest}"));
    assert!(bucket.has(&samples[2].data_key()));
}

#[test]
fn a_denied_deletion_is_no_lock_whatever_the_cluster_is_called() {
    let place = "ns/worm-protected-object-lock";
    let samples = hourly(place, 2);
    let bucket = bucket_of(&samples);
    bucket.fault(FaultPlan::one(Match::method("DELETE"), denied()));
    let run = crate::program(&ARGS).args(["--from", &bucket.url(), "--namespace", "ns"]);
    let run = run.args(["--cluster", "worm-protected-object-lock"]).args(bucket.flags());
    run.end().assert(2, &["1 could not be deleted", "was denied"]);
}

#[test]
fn a_store_that_fails_for_a_moment_is_asked_again() {
    let samples = hourly(PLACE, 3);
    let bucket = bucket_of(&samples);
    let twice = Match::method("DELETE").times(2);
    bucket.fault(FaultPlan::one(twice, Fault::slow_down()));
    prune_bucket(&bucket, &ARGS).end().assert(0, &["deleted 2 snapshots"]);
    assert_eq!((bucket.front.hits().len(), bucket.keys().len()), (2, 2));
}

#[test]
fn sigterm_between_deletions_leaves_whole_snapshots() {
    let samples = hourly(PLACE, 4);
    let bucket = bucket_of(&samples);
    bucket.fault(FaultPlan::one(of_data().times(1), Fault::Delay(Duration::from_millis(1000))));
    let mut going = prune_bucket(&bucket, &ARGS).start();
    let wait = Duration::from_secs(20);
    let is_hit = |_: &testbed::Running| !bucket.front.hits().is_empty();
    going.running.wait_until(wait, "the first snapshot's data is being deleted", is_hit).unwrap();
    going.running.terminate().unwrap();
    going.end().assert(143, &["stopped when asked", "deleted 1 snapshots"]);
    for (at, sample) in samples.iter().enumerate() {
        let there = [sample.manifest_key(), sample.data_key()].map(|key| bucket.has(&key));
        assert_eq!(there, [at < 3; 2], "{at}");
    }
}
