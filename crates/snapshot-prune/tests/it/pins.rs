// SPDX-License-Identifier: Apache-2.0
//! What a restore is pinned to stays.

use std::time::Duration;

use stock::{Bucket, Folder, Sample};
use testbed::{Fault, FaultPlan, Match};

use crate::{PLACE, folder_of, hourly, prune, prune_bucket, there};

const ARGS: [&str; 5] = ["--keep-last", "1", "--min-keep", "1", "--apply"];
const PIN: &str = "restored/etcd/generation-1/pin";

fn pin(sample: &Sample) -> String {
    format!(r#"{{"version": "1.0", "snapshot": "{}", "voters": ["a"], "bump": 1}}"#, sample.id())
}

#[test]
fn a_pinned_snapshot_stays_until_its_pin_goes() {
    let samples = hourly(PLACE, 4);
    let (folder, claims) = (folder_of(&samples), Folder::new());
    claims.write(PIN, pin(&samples[2]));
    claims.write("restored/etcd/generation-1/member-a", "{}");
    let run = || prune(&folder, &ARGS).args(["--claims", &claims.url()]);
    let ended = run().end();
    ended.assert(0, &["deleted 2 snapshots"]);
    assert!(ended.stdout.contains("keep: pinned"), "{}", ended.stdout);
    assert_eq!(there(&folder, &samples), [0, 2]);
    claims.remove(PIN);
    run().end().assert(0, &["deleted 1 snapshots"]);
    assert_eq!(there(&folder, &samples), [0]);
}

#[test]
fn a_pin_that_cannot_be_read_stops_the_run() {
    let samples = hourly(PLACE, 3);
    for bad in
        ["", "{}", r#"{"version": "1.0", "snapshot": "yesterday's"}"#, r#"{"version": "2.0"}"#]
    {
        let (folder, claims) = (folder_of(&samples), Folder::new());
        claims.write(PIN, bad);
        let ended = prune(&folder, &ARGS).args(["--claims", &claims.url()]).end();
        ended.assert(65, &[PIN, "cannot be read"]);
        assert_eq!(there(&folder, &samples), [0, 1, 2], "{bad}");
    }
}

#[test]
fn claims_that_cannot_be_reached_stop_the_run() {
    let samples = hourly(PLACE, 3);
    let folder = folder_of(&samples);
    let args = [&ARGS[..], &["--claims", "file:///is/not/there"]].concat();
    prune(&folder, &args).end().assert(69, &["is not a folder"]);
    assert_eq!(there(&folder, &samples), [0, 1, 2]);
}

/// A run that deletes one snapshot, and before the next one finds what `then` did to the claims.
fn meanwhile(then: impl FnOnce(&Folder, &[Sample])) -> (Bucket, Vec<Sample>, stock::Ended) {
    let samples = hourly(PLACE, 3);
    let bucket = Bucket::with(&samples.iter().collect::<Vec<_>>());
    let claims = Folder::new();
    let data = Match::method("DELETE").without(".json").times(1);
    bucket.fault(FaultPlan::one(data, Fault::Delay(Duration::from_millis(1000))));
    let mut going = prune_bucket(&bucket, &ARGS).args(["--claims", &claims.url()]).start();
    let is_hit = |_: &testbed::Running| !bucket.front.hits().is_empty();
    let wait = Duration::from_secs(20);
    going.running.wait_until(wait, "the first snapshot's data is being deleted", is_hit).unwrap();
    then(&claims, &samples);
    let ended = going.end();
    (bucket, samples, ended)
}

#[test]
fn a_pin_that_is_made_during_the_run_holds() {
    let (bucket, samples, ended) = meanwhile(|claims, samples| claims.write(PIN, pin(&samples[1])));
    ended.assert(0, &["deleted 1 snapshots"]);
    assert!(bucket.has(&samples[1].manifest_key()) && bucket.has(&samples[1].data_key()));
}

#[test]
fn a_pin_that_breaks_during_the_run_ends_it_and_it_says_what_is_gone() {
    let (bucket, samples, ended) = meanwhile(|claims, _| claims.write(PIN, "half a"));
    ended.assert(65, &["1 snapshots were deleted", PIN, "cannot be read"]);
    assert!(bucket.has(&samples[1].manifest_key()) && bucket.has(&samples[1].data_key()));
}
