// SPDX-License-Identifier: Apache-2.0
//! Stores that fail for a moment, for longer, or by intent.

use std::time::Duration;

use stock::{Bucket, Sample};
use testbed::{Fault, FaultPlan, Match};

use crate::PLACE;
use crate::bed::{Pod, large};

/// Ranges of the data.
fn ranges() -> Match {
    Match::method("GET").target(".snap").without(".json")
}

fn denied() -> Fault {
    Fault::Answer { status: 403, code: "AccessDenied".to_owned() }
}

#[test]
fn a_download_goes_on_after_an_outage() {
    let sample = Sample::new(PLACE, 1).content(large());
    let bucket = Bucket::with(&[&sample]);
    for fault in [
        Fault::ResetResponseAt(3_000_000),
        Fault::CutResponseAt(5),
        Fault::slow_down(),
        Fault::Hang,
    ] {
        let Some(pod) = Pod::new() else { return };
        let before = bucket.front.hits().len();
        bucket.fault(FaultPlan::one(ranges().skip(1).times(1), fault.clone()));
        pod.restore_bucket(&bucket).end().assert(0, &[&sample.id().to_string(), "320 keys"]);
        pod.assert_restored(&format!("{fault:?}"));
        assert_eq!(bucket.front.hits().len() - before, 1, "{fault:?} did not come to pass");
    }
}

#[test]
fn an_outage_that_lasts_leaves_nothing() {
    let bucket = Bucket::with(&[&Sample::new(PLACE, 1).content(large())]);
    let late = ranges().skip(1);
    for (when, fault, limits, words) in [
        (late.clone(), Fault::ResetResponseAt(100), &[][..], ".snap: reading it failed"),
        (late.clone(), Fault::slow_down(), &[], ".snap: reading it failed"),
        (late.clone(), Fault::Hang, &["--deadline", "1s"], "the deadline of 1s passed"),
        (late, Fault::slow_down(), &["--deadline", "1s"], "the deadline of 1s passed"),
        (Match::any(), Fault::slow_down(), &[], "listing it failed"),
    ] {
        let Some(pod) = Pod::new() else { return };
        bucket.fault(FaultPlan::one(when, fault.clone()));
        pod.restore_bucket(&bucket).args(limits).end().assert(75, &[words]);
        pod.assert_untouched(words);
        bucket.fault(FaultPlan::none());
        pod.restore_bucket(&bucket).end().assert(0, &["320 keys"]);
        pod.assert_restored("the store is back");
    }
}

#[test]
fn a_store_that_is_not_there_is_waited_for_and_leaves_nothing() {
    let Some(pod) = Pod::new() else { return };
    let sample = Sample::etcd(PLACE, 1);
    let bucket = Bucket::with(&[&sample]);
    bucket.fault(FaultPlan::one(Match::any(), Fault::Hang));
    let run = pod.restore_bucket(&bucket).args(["--deadline", "500ms"]);
    run.end().assert(75, &["the deadline of 500ms passed"]);
    pod.assert_untouched("silence");
}

#[test]
fn who_is_denied_learns_which_right_is_missing() {
    let sample = Sample::etcd(PLACE, 1);
    let bucket = Bucket::with(&[&sample]);
    let object = format!("s3:GetObject on arn:aws:s3:::bucket/pre/{}", sample.data_key());
    for (when, words) in [(ranges(), object.as_str()), (Match::any(), "s3:ListBucket")] {
        let Some(pod) = Pod::new() else { return };
        bucket.fault(FaultPlan::one(when, denied()));
        pod.restore_bucket(&bucket).end().assert(77, &[words]);
        pod.assert_untouched(words);
    }
}

#[test]
fn sigterm_ends_a_download_and_leaves_nothing() {
    let Some(pod) = Pod::new() else { return };
    let bucket = Bucket::with(&[&Sample::new(PLACE, 1).content(large())]);
    bucket.fault(FaultPlan::one(ranges().skip(1), Fault::Delay(Duration::from_secs(60))));
    let mut going = pod.restore_bucket(&bucket).start();
    let is_hit = |_: &testbed::Running| !bucket.front.hits().is_empty();
    going.running.wait_until(Duration::from_secs(20), "ranges are asked for", is_hit).unwrap();
    assert_eq!(pod.names(), [".pilotfish-g1", ".pilotfish-volume"], "the download has begun");
    going.running.terminate().unwrap();
    going.end().assert(143, &["stopped when asked"]);
    pod.assert_untouched("stopped");
}
