// SPDX-License-Identifier: Apache-2.0
//! What cannot be looked at is never called good.

use stock::{Bucket, Folder, Sample};
use testbed::{Fault, FaultPlan, Lost, Match};

use crate::{PLACE, check, check_bucket, program};

fn bucket() -> (Bucket, Sample) {
    let sample = Sample::new(PLACE, 1);
    (Bucket::with(&[&sample]), sample)
}

fn denied() -> Fault {
    Fault::Answer { status: 403, code: "AccessDenied".to_owned() }
}

#[test]
fn a_bucket_in_reach_is_judged() {
    let (bucket, _) = bucket();
    check_bucket(&bucket, &["--deep", "all"]).end().assert(0, &["good: 1 snapshots of 1 clusters"]);
}

#[test]
fn an_outage_is_told_as_one() {
    let (bucket, _) = bucket();
    for fault in [Fault::slow_down(), Fault::LoseAnswer(Lost::Reset), Fault::Hang] {
        bucket.fault(FaultPlan::one(Match::any(), fault));
        let ended = check_bucket(&bucket, &["--expect", PLACE]).end();
        ended.assert(69, &["cannot tell", "s3://bucket/pre: listing it failed"]);
    }
}

#[test]
fn a_store_that_nobody_listens_for_is_an_outage() {
    let (bucket, _) = bucket();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = program(&[]).args(["--from", &bucket.url(), "--retry-timeout", "1s"]);
    run.args(["--s3-endpoint", &format!("http://{closed}")]).end().assert(69, &["cannot tell"]);
}

#[test]
fn a_denied_listing_names_the_right_that_is_missing() {
    let (bucket, _) = bucket();
    bucket.fault(FaultPlan::one(Match::method("GET").target("list-type"), denied()));
    check_bucket(&bucket, &[]).end().assert(69, &["cannot tell", "s3:ListBucket on arn"]);
}

#[test]
fn a_denied_manifest_or_data_object_is_not_called_good() {
    let (bucket, sample) = bucket();
    bucket.fault(FaultPlan::one(Match::method("GET").target(".snap.json"), denied()));
    check_bucket(&bucket, &[]).end().assert(69, &[&sample.manifest_key(), "s3:GetObject"]);
    let data = || Match::any().target(&sample.data_key()).without(".json");
    bucket.fault(FaultPlan::one(data(), denied()));
    check_bucket(&bucket, &[]).end().assert(0, &["good"]);
    check_bucket(&bucket, &["--deep", "newest"]).end().assert(69, &["cannot tell", "was denied"]);
}

#[test]
fn a_prefix_with_nothing_below_it_is_likely_wrong() {
    let (bucket, folder) = (Bucket::new(), Folder::new());
    check_bucket(&bucket, &[]).end().assert(69, &["holds nothing: is the prefix right?"]);
    check(&folder, &[]).end().assert(69, &["holds nothing: is the prefix right?"]);
    check(&folder, &["--expect", PLACE]).end().assert(65, &["no scheduled snapshot"]);
}

#[test]
fn a_bucket_or_folder_that_is_not_there_is_named() {
    let bucket = Bucket::new();
    let run = program(&[]).args(["--from", "s3://gone/pre"]).args(bucket.flags());
    run.end().assert(69, &["s3://gone does not exist"]);
    program(&["--from", "file:///is/not/there"]).end().assert(69, &["is not a folder"]);
}

#[test]
fn what_is_bad_outweighs_what_could_not_be_looked_at() {
    let (bucket, sample) = bucket();
    let data = Match::any().target(&sample.data_key()).without(".json");
    bucket.fault(FaultPlan::one(data, denied()));
    let args = ["--deep", "all", "--max-age", "10m"];
    check_bucket(&bucket, &args).end().assert(65, &["old, allowed are 10m"]);
}
