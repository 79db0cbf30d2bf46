// SPDX-License-Identifier: Apache-2.0
//! The end: one report, delivered within the grace or kept, and never a failure of the run.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::{Origin, Reply, Step};

use crate::harness::{
    Ended, Pod, answering, body, free_address, no_content, outcome, posts, report, stub, stub_at,
    taking,
};

#[test]
fn sigterm_is_followed_by_one_report_of_the_final_files() {
    let stub = stub();
    let pod = Pod::new(&stub.url(), "canopy-stats").spooling();
    pod.moved("proxy.json", [1, 1, 1, 1]);
    let post = pod.start();
    // What the proxy writes last, as it ends before us.
    pod.moved("proxy.json", [10, 20, 30, 40]);
    post.stop().assert(0, &[&stub.url(), ": sent 20 and received 40 bytes"]);
    let captured = stub.captured();
    assert_eq!(captured.len(), 1, "{captured:?}");
    assert_eq!(captured[0].body, crate::harness::tallies([10, 20, 30, 40]));
    assert_eq!(pod.spooled().unwrap()["stage"], "delivered");
}

#[test]
fn a_control_plane_that_was_down_for_the_whole_run_and_comes_back_hears_it_once() {
    let at = free_address();
    let pod = Pod::new(&format!("http://{at}"), "canopy-stats").spooling();
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let mut post = pod.start();
    post.run.terminate().unwrap();
    post.wait("it was refused", |post| post.run.stdout().contains("is not delivered yet"));
    let stub = stub_at(at, json!({"dedupe": true}));
    post.end().assert(0, &["reported"]);
    assert_eq!(stub.captured().len(), 1);
}

#[test]
fn a_report_that_nobody_ever_hears_stays_in_the_spool_and_in_the_last_word() {
    let url = format!("http://{}", free_address());
    let pod = Pod::new(&url, "canopy-stats").spooling().with("--grace", "2s");
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let ended = pod.once();
    let path = pod.path("spool").display().to_string();
    ended
        .assert(2, &["could not be delivered within the grace", "refused", "it is kept in", &path]);
    assert_eq!(ended.facts()["delivered"], false);
    let report = &ended.facts()["report"];
    assert_eq!(report["tallies"], crate::harness::tallies([1, 2, 3, 4]));
    assert_eq!(report["run_id"], crate::harness::RUN);
    let spooled = pod.spooled().unwrap();
    assert_eq!(spooled["stage"], "pending");
    assert_eq!(spooled["all"]["report"]["tallies"], report["tallies"]);
    // Started once more, in the same run, it is delivered; and never again.
    let stub =
        stub_at(url.strip_prefix("http://").unwrap().parse().unwrap(), json!({"dedupe": true}));
    pod.delivered_at_start();
    pod.once().assert(0, &["delivered by an earlier start"]);
    assert_eq!(stub.captured().len(), 1);
    assert_eq!(stub.captured()[0].repeats, 0);
}

#[test]
fn what_never_mends_is_not_tried_to_the_end_of_the_grace() {
    for status in
        ["400 Bad Request", "403 Forbidden", "404 Not Found", "422 Unprocessable", "302 Found"]
    {
        let origin =
            answering(status, "Location: http://127.0.0.1:1/\r\n", r#"{"error":"unknown field"}"#);
        let pod = Pod::new(&origin.url(), "canopy-stats").with("--grace", "10m");
        pod.moved("proxy.json", [1, 2, 3, 4]);
        let ended = pod.once();
        ended.assert(2, &["the report was refused: answered", &status[..3], "unknown field"]);
        posts(&origin, 1);
        assert_eq!(ended.facts()["report"]["tallies"]["received_payload_bytes"], 4);
    }
}

#[test]
fn an_outage_a_reset_and_too_often_are_tried_again() {
    let origin = Origin::in_turn(
        None,
        vec![
            Reply::answer("503 Service Unavailable", "", b""),
            Reply(vec![Step::ReadBody, Step::Reset]),
            Reply::answer("429 Too Many Requests", "Retry-After: 1\r\n", b""),
            Reply::answer("502 Bad Gateway", "", b"<html>"),
            no_content(),
        ],
    )
    .unwrap();
    let pod = Pod::new(&origin.url(), "canopy-stats");
    pod.moved("proxy.json", [1, 2, 3, 4]);
    pod.once().assert(0, &["reported"]);
    let heard = posts(&origin, 5);
    assert!(
        heard
            .iter()
            .all(|it| it.head.header("idempotency-key") == heard[0].head.header("idempotency-key"))
    );
    assert!(heard.iter().all(|it| it.body == heard[0].body));
}

/// A wait that is longer than the grace is cut: one last try is made.
#[test]
fn a_server_that_wants_to_be_left_alone_for_longer_than_the_grace_is_asked_once_more() {
    let origin = Origin::in_turn(
        None,
        vec![Reply::answer("503 Service Unavailable", "Retry-After: 300\r\n", b""), no_content()],
    );
    let origin = origin.unwrap();
    let pod = Pod::new(&origin.url(), "canopy-stats").with("--grace", "5s");
    pod.moved("proxy.json", [1, 2, 3, 4]);
    pod.once().assert(0, &["reported"]);
    posts(&origin, 2);
}

#[test]
fn duplicates_are_done() {
    for (status, headers, text) in [
        ("208 Already Reported", "", ""),
        ("204 No Content", "Idempotent-Replayed: true\r\n", ""),
        ("409 Conflict", "", r#"{"title":"Conflict","detail":"this run was reported already"}"#),
    ] {
        let origin = answering(status, headers, text);
        let pod = Pod::new(&origin.url(), "canopy-stats").spooling();
        pod.moved("proxy.json", [1, 2, 3, 4]);
        pod.once().assert(0, &[", by an earlier try: sent"]);
        posts(&origin, 1);
        assert_eq!(pod.spooled().unwrap()["stage"], "delivered");
    }
}

/// A run in the control plane's form, whose answers come in turn.
fn reported_to_the_control_plane(replies: Vec<Reply>) -> Ended {
    let count = replies.len();
    let origin = Origin::in_turn(None, replies).unwrap();
    let pod = Pod::new(&origin.url(), "backup-report");
    let file = pod.path("shared/upload.json");
    let pod = pod.args(["--outcome-of"]).args([file]);
    let ended = pod.once_with(outcome(0, "", Value::Null));
    posts(&origin, count);
    ended
}

fn conflict(detail: &str) -> Reply {
    let text = json!({"type": "/errors/x", "title": "Conflict", "status": 409, "detail": detail});
    Reply::answer("409 Conflict", "", text.to_string().as_bytes())
}

/// The control plane knows reports by their run, whichever attempt they are of.
#[test]
fn a_conflict_is_a_duplicate_only_after_a_try_that_may_have_arrived() {
    let twice = || conflict("the run was reported already");
    let another = "another report of this run is there: give each attempt a run id of its own";
    reported_to_the_control_plane(vec![twice()]).assert(2, &[another]);
    let groupless = conflict("the server is in no group");
    reported_to_the_control_plane(vec![groupless]).assert(2, &["in no group"]);
    let too_often = Reply::answer("429 Too Many Requests", "Retry-After: 0\r\n", b"");
    reported_to_the_control_plane(vec![too_often, twice()]).assert(2, &[another]);
    for arrived in
        [Reply::answer("502 Bad Gateway", "", b""), Reply(vec![Step::ReadBody, Step::Reset])]
    {
        let ended = reported_to_the_control_plane(vec![arrived, twice()]);
        ended.assert(0, &[", by an earlier try: sent"]);
    }
}

#[test]
fn a_report_that_met_a_closed_port_has_not_arrived() {
    let at = free_address();
    let pod = Pod::new(&format!("http://{at}"), "backup-report");
    let file = pod.path("shared/upload.json");
    let mut post = pod.clone().args(["--outcome-of"]).args([file]).start();
    pod.write("upload.json", outcome(0, "", Value::Null));
    post.run.terminate().unwrap();
    post.wait("it was refused", |post| post.run.stdout().contains("is not delivered yet"));
    let stub = stub_at(at, json!({"faults": [{"path": "/backup-report", "status": 409}]}));
    post.end().assert(2, &["the report was refused", "409"]);
    assert!(stub.captured().is_empty());
}

#[test]
fn a_second_sigterm_ends_it_at_once() {
    let origin = Origin::always(None, Reply(vec![Step::Hang])).unwrap();
    let pod = Pod::new(&origin.url(), "canopy-stats").with("--grace", "10m").spooling();
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let mut post = pod.start();
    post.run.terminate().unwrap();
    post.wait("it posts", |_| origin.connections() > 0);
    assert_eq!(pod.spooled().unwrap()["stage"], "pending", "on the disk before it is posted");
    post.run.terminate().unwrap();
    let status = post.run.wait(Duration::from_secs(5)).unwrap();
    assert_eq!(status.code(), Some(143));
}

#[test]
fn a_server_that_hangs_ends_with_the_grace() {
    let origin = Origin::always(None, Reply(vec![Step::Hang])).unwrap();
    let pod = Pod::new(&origin.url(), "canopy-stats").with("--grace", "1s");
    pod.moved("proxy.json", [1, 2, 3, 4]);
    pod.once().assert(2, &["no answer until the grace was over"]);
}

/// The status has said it; the rest of the answer is nobody's concern.
#[test]
fn an_answer_that_is_cut_behind_its_status_is_an_answer() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\"";
    let origin = Origin::always(None, Reply(vec![Step::Write(half.into()), Step::Close])).unwrap();
    let pod = Pod::new(&origin.url(), "json");
    pod.once().assert(0, &["reported"]);
    posts(&origin, 1);
}

#[test]
fn the_servers_certificate_is_checked_with_the_authorities_that_are_given() {
    let ca = testbed::Ca::new().unwrap();
    let origin = Origin::always(Some(&ca), no_content()).unwrap();
    let pod = Pod::new(&origin.url(), "canopy-stats").with("--grace", "1s");
    pod.moved("proxy.json", [1, 2, 3, 4]);
    pod.once().assert(2, &["certificate is not trusted here"]);
    let trusting = pod.args(["--ca-bundle"]).args([ca.pem_path()]);
    trusting.once().assert(0, &["reported"]);
    assert_eq!(body(&report(&origin))["sent_raw_bytes"], 1);
}

#[test]
fn the_kernel_gives_it_little_memory() {
    let origin = taking();
    let pod = Pod::new(&origin.url(), "json").spooling();
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let post = pod.start();
    let usage = post.run.usage().unwrap();
    println!(
        "stats-post: {} KiB resident, {} KiB at most",
        usage.rss_bytes / 1024,
        usage.peak_rss_bytes / 1024
    );
    assert!(usage.peak_rss_bytes < 64 << 20, "{usage:?}");
    post.stop().assert(0, &[]);
}
