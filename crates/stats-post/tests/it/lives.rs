// SPDX-License-Identifier: Apache-2.0
//! Lives of one sidecar in one run: kill -9, restarts, and what they tell each other through the spool.

use serde_json::json;
use testbed::{Fault, FaultPlan, Front, FrontConfig, Lost, Match};

use crate::harness::{Pod, body, free_address, key, posts, stub, stub_at, taking, tallies};

/// The server has the report, the sidecar does not know it, and is killed.
#[test]
fn killed_between_post_and_acknowledgement_the_next_life_leaves_the_server_with_one_report() {
    let stub = stub();
    let lost = FaultPlan::one(Match::any(), Fault::LoseAnswer(Lost::Silence));
    let front = Front::start(FrontConfig { plan: lost, ..FrontConfig::new(stub.addr()) }).unwrap();
    let pod = Pod::new(&front.url(), "canopy-stats").spooling();
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let mut post = pod.start();
    post.run.terminate().unwrap();
    post.wait("the server has it", |_| !stub.captured().is_empty());
    post.run.kill().unwrap();
    front.plan(FaultPlan::none());
    pod.delivered_at_start();
    let captured = stub.captured();
    assert_eq!((captured.len(), captured[0].repeats), (1, 1), "{captured:?}");
    assert_eq!(captured[0].body, tallies([1, 2, 3, 4]));
}

/// The same with a server that knows reports by their run: it answers 409 to the second one.
#[test]
fn killed_between_a_backup_report_and_its_acknowledgement_is_heard_once() {
    let stub = stub();
    stub.set(json!({"dedupe": false})).unwrap();
    let lost = FaultPlan::one(Match::any(), Fault::LoseAnswer(Lost::Silence));
    let front = Front::start(FrontConfig { plan: lost, ..FrontConfig::new(stub.addr()) }).unwrap();
    let pod = Pod::new(&front.url(), "backup-report").spooling();
    let file = pod.path("shared/upload.json");
    let pod = pod.args(["--outcome-of"]).args([file]);
    let mut post = pod.start();
    pod.write("upload.json", json!({"name": "x", "exit": 0, "sentence": "", "facts": null}));
    post.run.terminate().unwrap();
    post.wait("the server has it", |_| !stub.captured().is_empty());
    post.run.kill().unwrap();
    front.plan(FaultPlan::none());
    pod.delivered_at_start();
    assert_eq!(stub.captured().len(), 1);
    assert_eq!(pod.spooled().unwrap()["stage"], "delivered");
    assert!(stub.heard().iter().any(|it| it.status == Some(409)), "{:?}", stub.heard());
}

#[test]
fn an_answer_that_is_lost_makes_no_second_report() {
    let stub = stub();
    let rule = FaultPlan::one(Match::any(), Fault::LoseAnswer(Lost::Reset));
    let front = Front::start(FrontConfig { plan: rule, ..FrontConfig::new(stub.addr()) }).unwrap();
    let pod = Pod::new(&front.url(), "canopy-stats");
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let mut post = pod.start();
    post.run.terminate().unwrap();
    post.wait("the answer is lost", |post| post.run.stdout().contains("is not delivered yet"));
    front.plan(FaultPlan::none());
    post.end().assert(0, &[", by an earlier try: sent"]);
    assert_eq!(stub.captured().len(), 1);
}

#[test]
fn a_sidecar_that_is_killed_in_mid_run_goes_on_counting_and_reports_once() {
    let origin = taking();
    let pod = Pod::new(&origin.url(), "json").spooling();
    pod.moved("proxy.json", [1, 1, 1, 1]);
    let mut post = pod.start();
    post.run.kill().unwrap();
    let began = pod.spooled().unwrap()["started"].clone();
    pod.moved("proxy.json", [5, 5, 5, 5]);
    pod.once().assert(0, &["reported"]);
    let heard = posts(&origin, 1);
    let report = body(&heard[0]);
    assert_eq!((&report["started"], &report["tallies"]), (&began, &tallies([5, 5, 5, 5])));
}

/// The kubelet restarts a sidecar that ended in mid-run: the run has been reported, and goes on.
#[test]
fn a_run_that_was_reported_is_never_reported_again() {
    let stub = stub();
    let pod = Pod::new(&stub.url(), "canopy-stats").spooling();
    pod.moved("proxy.json", [1, 1, 1, 1]);
    pod.once().assert(0, &["reported"]);
    pod.once().assert(0, &["delivered by an earlier start", &stub.url()]);
    pod.moved("proxy.json", [5, 5, 5, 5]);
    let ended = pod.once();
    ended.assert(
        2,
        &["delivered by an earlier start", "what the neighbours did after it is not reported"],
    );
    let facts = ended.facts();
    assert_eq!(
        (&facts["delivered"], &facts["reported"]),
        (&json!("in part"), &tallies([1, 1, 1, 1]))
    );
    assert_eq!(facts["now"]["tallies"], tallies([5, 5, 5, 5]));
    let captured = stub.captured();
    assert_eq!((captured.len(), captured[0].repeats), (1, 0));
}

#[test]
fn a_report_of_an_earlier_life_is_delivered_at_start_and_the_run_goes_on() {
    let at = free_address();
    let pod = Pod::new(&format!("http://{at}"), "canopy-stats").spooling();
    let pod = pod.args(["--progress-url", &format!("http://{at}"), "--every", "50ms"]);
    pod.moved("proxy.json", [1, 1, 1, 1]);
    pod.clone().with("--grace", "1s").once().assert(2, &["it is kept in"]);
    let stub = stub_at(at, json!({"dedupe": true}));
    let mut post = pod.start();
    let is_there = |path: &str| stub.captured().iter().any(|it| it.path.contains(path));
    post.wait("it is delivered", |_| is_there("/canopy-stats/"));
    post.wait("progress goes on", |_| is_there("/canopy-progress/"));
    post.wait("it is marked", |_| pod.spooled().unwrap()["stage"] == "delivered");
    post.stop().assert(0, &["delivered by an earlier start"]);
}

#[test]
fn another_run_another_form_and_another_attempt_are_other_reports() {
    let origin = taking();
    let pod = Pod::new(&origin.url(), "canopy-stats").spooling();
    pod.moved("proxy.json", [1, 1, 1, 1]);
    for args in [&[][..], &["--run-id", "other"], &["--form", "json"], &["--attempt", "pod-2"]] {
        let pod = args.chunks(2).fold(pod.clone(), |pod, pair| pod.with(pair[0], pair[1]));
        pod.once().assert(0, &["reported"]);
    }
    let heard = posts(&origin, 4);
    let mut keys: Vec<&str> = heard.iter().map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 4);
}
