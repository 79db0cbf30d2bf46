// SPDX-License-Identifier: Apache-2.0
//! Many attempts, one snapshot.

use jiff::{SignedDuration, Timestamp};
use snapshot::{Class, Id, RunRecord};
use testbed::{Fault, FaultPlan, Lost, Match, SignAgain};

use crate::bed::{Bed, PATIENCE, small};
use crate::fake_etcd::{FakeEtcd, Step, healthy, member};

const RUN: [&str; 2] = ["--run-id", "0d4f3c6a-job"];

fn record(bed: &Bed, age: SignedDuration, class: Class) -> Id {
    let created = Timestamp::now() - age;
    let id = Id::new(class, created, [1, 2, 3, 4]);
    let record = RunRecord::new(id, created, "somebody".to_owned());
    bed.create(&RunRecord::name(RUN[1]), &record.to_bytes().unwrap());
    id
}

#[test]
fn two_uploaders_with_one_run_id_make_one_snapshot() {
    let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(&small()))));
    for round in 0..5 {
        let run_id = format!("run-{round}");
        let args = ["etcd", "--endpoint", &etcd.url(), "--run-id", &run_id];
        let going: Vec<_> = (0..3).map(|_| bed.upload(&args).start()).collect();
        for ended in going.into_iter().map(crate::bed::Going::end) {
            ended.assert(0, &["committed"]);
        }
        let manifests = bed.objects().into_iter().filter(|name| name.ends_with(".json")).count();
        assert_eq!(manifests, round + 1, "{:?}", bed.objects());
    }
}

#[test]
fn a_second_attempt_while_the_first_still_uploads_wins_and_the_first_gives_way() {
    let bed = Bed::new();
    // The first one's source stands still between two messages for as long as the second one runs.
    let mut slow = healthy(&small());
    slow.insert(1, Step::Silence);
    let (slow, quick) = (FakeEtcd::start(member(slow)), FakeEtcd::start(member(healthy(&small()))));
    let first = bed.upload(&["etcd", "--endpoint", &slow.url()]).args(&RUN).start();
    testbed::wait_until(PATIENCE, "the first stream", || {
        slow.calls.lock().unwrap().contains(&"Snapshot".to_owned())
    })
    .unwrap();
    let second = bed.upload(&["etcd", "--endpoint", &quick.url()]).args(&RUN).end();
    second.assert(0, &["committed"]);
    first.end().assert(75, &["gave no byte"]);
    let manifest = bed.assert_one_whole("two attempts");
    let (id, key) = (manifest["id"].as_str().unwrap(), manifest["object"]["key"].as_str().unwrap());
    assert!(key.starts_with(id) && key.len() == id.len() + 9 + 5, "{key} is not a later attempt's");
}

#[test]
fn an_attempt_after_a_success_finds_it_and_asks_the_source_nothing() {
    let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(&small()))));
    let args = ["etcd", "--endpoint", &etcd.url()];
    bed.upload(&args).args(&RUN).end().assert(0, &[" committed"]);
    let calls = etcd.calls.lock().unwrap().len();
    bed.upload(&args).args(&RUN).end().assert(0, &["by an earlier attempt"]);
    assert_eq!(etcd.calls.lock().unwrap().len(), calls);
    assert_eq!(bed.objects().len(), 2);
}

#[test]
fn a_manifest_whose_answer_is_lost_is_committed_and_known_to_be() {
    for lost in [Lost::Close, Lost::Reset, Lost::Silence] {
        let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(&small()))));
        let manifest = Match::method("PUT").target(".snap.json").times(1);
        bed.fault(FaultPlan::one(manifest, Fault::LoseAnswer(lost)));
        bed.upload(&["etcd", "--endpoint", &etcd.url()]).end().assert(0, &[" committed"]);
        bed.assert_one_whole("a lost answer");
        assert_eq!(bed.objects().len(), 2, "{lost:?}");
    }
}

#[test]
fn a_record_whose_answer_is_lost_is_still_ones_own() {
    let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(&small()))));
    let record = Match::method("PUT").target("/runs/").times(1);
    bed.fault(FaultPlan::one(record, Fault::LoseAnswer(Lost::Reset)));
    bed.upload(&["etcd", "--endpoint", &etcd.url()]).args(&RUN).end().assert(0, &[" committed"]);
    let manifest = bed.assert_one_whole("a lost answer");
    let name = format!("{}.snap", manifest["id"].as_str().unwrap());
    assert_eq!(manifest["object"]["key"], name, "it took itself for a later attempt");
}

#[test]
fn yesterdays_run_id_is_refused_and_never_a_success() {
    let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(&small()))));
    record(&bed, SignedDuration::from_hours(25), Class::Scheduled);
    let args = ["etcd", "--endpoint", &etcd.url()];
    bed.upload(&args).args(&RUN).end().assert(64, &["--run-id", "ago", "controller-uid"]);
    bed.assert_empty("an old run id");
    bed.upload(&args).args(&RUN).args(&["--run-max-age", "2d"]).end().assert(0, &["committed"]);
}

#[test]
fn a_clock_that_is_an_hour_off_changes_neither_the_id_nor_the_winner() {
    for hours in [1, -1] {
        let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(&small()))));
        let id = record(&bed, SignedDuration::from_hours(hours), Class::Scheduled);
        bed.upload(&["etcd", "--endpoint", &etcd.url()]).args(&RUN).end().assert(0, &["committed"]);
        assert_eq!(bed.assert_one_whole("a wrong clock")["id"], id.to_string());
    }
}

#[test]
fn a_run_id_of_another_class_is_refused() {
    let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(&small()))));
    record(&bed, SignedDuration::from_mins(1), Class::Manual);
    bed.upload(&["etcd", "--endpoint", &etcd.url()])
        .args(&RUN)
        .end()
        .assert(64, &["another class"]);
}

#[test]
fn a_store_that_ignores_create_only_is_found_out() {
    let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(&small()))));
    let again = SignAgain::S3 { secret: bed.server.secret_key().to_owned() };
    bed.fault(FaultPlan::one(Match::any().header("if-none-match"), Fault::IgnoreCreateOnly(again)));
    let ended = bed.upload(&["etcd", "--endpoint", &etcd.url()]).end();
    ended.assert(69, &["If-None-Match is ignored"]);
    bed.assert_empty("a careless store");
}

#[test]
fn an_earlier_manifest_whose_data_is_missing_or_that_is_none_is_no_success() {
    let (bed, etcd) = (Bed::new(), FakeEtcd::start(member(healthy(&small()))));
    let args = ["etcd", "--endpoint", &etcd.url()];
    bed.upload(&args).args(&RUN).end().assert(0, &["committed"]);
    let manifest = bed.assert_one_whole("the first");
    let data = bed
        .server
        .path("bucket", &format!("pre/ns/etcd/{}", manifest["object"]["key"].as_str().unwrap()));
    std::fs::remove_file(data).unwrap();
    bed.upload(&args).args(&RUN).end().assert(65, &["its data is not there"]);
    bed.put(&format!("{}.snap.json", manifest["id"].as_str().unwrap()), b"{}");
    bed.upload(&args).args(&RUN).end().assert(65, &["bad manifest"]);
}
