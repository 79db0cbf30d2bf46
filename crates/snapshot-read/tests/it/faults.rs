// SPDX-License-Identifier: Apache-2.0
//! Stores that fail for a moment or for good.

use std::time::Duration;

use stock::{Bucket, Sample};
use testbed::{Fault, FaultPlan, Match};

use crate::{Desk, PLACE};

fn large() -> (Bucket, Sample) {
    let sample = Sample::new(PLACE, 1).content(b"0123456789abcdef".repeat(1_250_000));
    (Bucket::with(&[&sample]), sample)
}

/// Ranges of the data.
fn ranges() -> Match {
    Match::method("GET").target(".snap").without(".json")
}

#[test]
fn an_answer_that_breaks_off_twice_is_asked_for_again() {
    let (bucket, sample) = large();
    for fault in [Fault::ResetResponseAt(3_000_000), Fault::CutResponseAt(5), Fault::slow_down()] {
        bucket.fault(FaultPlan::one(ranges().skip(1).times(2), fault.clone()));
        let (desk, before) = (Desk::new(), bucket.front.hits().len());
        desk.get_bucket(&bucket, "latest").end().assert(0, &["verified"]);
        desk.assert_holds(&sample);
        assert_eq!(bucket.front.hits().len() - before, 2, "{fault:?} did not come to pass");
    }
}

#[test]
fn an_outage_in_the_middle_leaves_no_file() {
    let (bucket, _) = large();
    bucket.fault(FaultPlan::one(ranges().skip(1), Fault::ResetResponseAt(100)));
    let desk = Desk::new();
    desk.get_bucket(&bucket, "latest").end().assert(75, &[".snap: reading it failed"]);
    desk.assert_empty("an outage");
}

#[test]
fn a_denied_object_names_the_right_that_is_missing() {
    let (bucket, sample) = large();
    let denied = Fault::Answer { status: 403, code: "AccessDenied".to_owned() };
    bucket.fault(FaultPlan::one(ranges(), denied));
    let desk = Desk::new();
    let ended = desk.get_bucket(&bucket, "latest").end();
    ended.assert(77, &["s3:GetObject on arn:aws:s3:::bucket/pre/", &sample.data_key()]);
    desk.assert_empty("denied");
}

#[test]
fn sigterm_leaves_no_file() {
    let (bucket, _) = large();
    bucket.fault(FaultPlan::one(ranges().skip(1), Fault::Delay(Duration::from_secs(60))));
    let desk = Desk::new();
    let mut going = desk.get_bucket(&bucket, "latest").start();
    let is_hit = |_: &testbed::Running| !bucket.front.hits().is_empty();
    going.running.wait_until(Duration::from_secs(20), "ranges are asked for", is_hit).unwrap();
    assert_eq!(desk.names().len(), 1, "the file is begun under another name");
    going.running.terminate().unwrap();
    going.end().assert(143, &["stopped when asked; no file was written"]);
    desk.assert_empty("stopped");
}
