// SPDX-License-Identifier: Apache-2.0
//! Ended at every stage: asked to stop, or killed. What is left, and that the next attempt completes.

use std::sync::OnceLock;

use testbed::etcd::{Etcd, Version};
use testbed::{Fault, FaultPlan, Match};

use crate::bed::{Bed, Going, PATIENCE};
use crate::fake_etcd::{FakeEtcd, Step, healthy, member};

const RUN: [&str; 2] = ["--run-id", "stages"];

/// A real snapshot of more than one part.
fn large() -> &'static [u8] {
    static LARGE: OnceLock<Vec<u8>> = OnceLock::new();
    LARGE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let etcd = Etcd::member(Version::V3_6).await.unwrap();
            etcd.put_many(100, 100_000).await.unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("large.db");
            etcd.ctl_at(0, &["snapshot", "save", path.to_str().unwrap()]).await.unwrap();
            std::fs::read(path).unwrap()
        })
    })
}

/// The requests at which a run can be caught, in their order.
fn stages() -> Vec<(&'static str, Match)> {
    vec![
        ("the run record", Match::method("PUT").target("/runs/")),
        ("the look for a manifest", Match::method("GET").target(".snap.json")),
        ("the begin of the upload", Match::method("POST").target("uploads")),
        ("a part", Match::method("PUT").target("partNumber=1")),
        ("the last part", Match::method("PUT").target("partNumber=2")),
        ("the completion", Match::method("POST").target("uploadId=")),
        ("the manifest", Match::method("PUT").target(".snap.json")),
    ]
}

/// A run that is caught at a request that is never answered.
fn caught(bed: &Bed, etcd: &FakeEtcd, stage: &str, at: Match) -> Going {
    bed.fault(FaultPlan::one(at, Fault::Hang));
    let args = ["etcd", "--endpoint", &etcd.url(), "--grace", "1s"];
    let going = bed.upload(&args).args(&RUN).start();
    let reached = || !bed.front.hits().is_empty();
    testbed::wait_until(PATIENCE, stage, reached).unwrap();
    going
}

#[test]
fn killed_at_any_stage_it_leaves_no_snapshot_and_the_next_attempt_makes_one() {
    for (stage, at) in stages() {
        let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(large()))));
        let mut going = caught(&bed, &etcd, stage, at);
        going.running.kill().unwrap();
        let manifests = bed.objects().iter().filter(|name| name.ends_with(".json")).count();
        assert_eq!(manifests, 0, "{stage}: {:?}", bed.objects());
        bed.fault(FaultPlan::none());
        let again = bed.upload(&["etcd", "--endpoint", &etcd.url()]).args(&RUN).end();
        again.assert(0, &["committed"]);
        bed.assert_one_whole(stage);
    }
}

#[test]
fn asked_to_stop_before_the_commit_it_leaves_nothing() {
    for (stage, at) in stages()
        .into_iter()
        .filter(|(stage, _)| *stage != "the completion" && *stage != "the manifest")
    {
        let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(large()))));
        let going = caught(&bed, &etcd, stage, at);
        going.running.terminate().unwrap();
        bed.fault(FaultPlan::none());
        going.end().assert(143, &["stopped when asked", "nothing was committed"]);
        bed.assert_empty(stage);
    }
}

#[test]
fn asked_to_stop_in_the_midst_of_the_stream_it_leaves_nothing() {
    let bed = Bed::new();
    let mut steps = healthy(large());
    steps.insert(200, Step::Silence);
    let etcd = FakeEtcd::start(member(steps));
    let args = ["etcd", "--endpoint", &etcd.url(), "--stall-timeout", "60s"];
    let going = bed.upload(&[]).args(&args).start();
    let streams = || etcd.calls.lock().unwrap().contains(&"Snapshot".to_owned());
    testbed::wait_until(PATIENCE, "the stream", streams).unwrap();
    going.running.terminate().unwrap();
    going.end().assert(143, &["stopped when asked"]);
    bed.assert_empty("a stopped stream");
}

#[test]
fn asked_to_stop_while_it_commits_it_commits() {
    let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(large()))));
    // Hung once; the request is sent again after the store's timeout.
    bed.fault(FaultPlan::one(Match::method("PUT").target(".snap.json").times(1), Fault::Hang));
    let going = bed.upload(&["etcd", "--endpoint", &etcd.url()]).start();
    testbed::wait_until(PATIENCE, "the manifest", || !bed.front.hits().is_empty()).unwrap();
    going.running.terminate().unwrap();
    going.end().assert(0, &["committed"]);
    bed.assert_one_whole("a stop that came too late");
}

#[test]
fn a_deadline_ends_it_like_a_stop() {
    let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(large()))));
    bed.fault(FaultPlan::one(Match::method("PUT").target("partNumber=1"), Fault::Hang));
    let args = ["etcd", "--endpoint", &etcd.url(), "--deadline", "1s"];
    let going = bed.upload(&args).start();
    testbed::wait_until(PATIENCE, "a part", || !bed.front.hits().is_empty()).unwrap();
    going.end().assert(75, &["deadline of 1s"]);
    assert_eq!(bed.objects(), [""; 0]);
}
