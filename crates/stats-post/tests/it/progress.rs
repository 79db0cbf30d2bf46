// SPDX-License-Identifier: Apache-2.0
//! Progress: totals, a slower pace where a server has enough, and trouble that matters to nobody else.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use testbed::{Heard, Origin, Reply};

use crate::harness::{Pod, answering, body, no_content, posts, taking};

/// A sidecar that posts its progress there, and its report elsewhere.
fn pod(origin: &Origin, report: &Origin) -> Pod {
    let pod = Pod::new(&report.url(), "canopy-stats");
    pod.args(["--every", "50ms", "--progress-url", &origin.url()])
}

#[test]
fn samples_are_totals_since_the_run_began() {
    let (origin, report) = (taking(), taking());
    let pod = pod(&origin, &report);
    let mut post = pod.start();
    let mut sent = Vec::new();
    for count in 1..=3 {
        pod.moved("proxy.json", [count, count, count, count]);
        let is_told = |heard: &Heard| body(heard)["sent_raw_bytes"] == count;
        post.wait("it is told", |_| origin.heard().iter().any(is_told));
        sent.push(count);
    }
    post.stop().assert(0, &["samples of progress"]);
    let mut told: Vec<u64> =
        origin.heard().iter().map(|it| body(it)["sent_raw_bytes"].as_u64().unwrap()).collect();
    assert!(told.is_sorted(), "{told:?}");
    told.dedup();
    assert_eq!(told, sent);
}

#[test]
fn a_run_that_moves_nothing_is_told_at_a_slower_pace() {
    let (origin, report) = (taking(), taking());
    let pod = pod(&origin, &report);
    pod.moved("proxy.json", [1, 1, 1, 1]);
    let mut post = pod.start();
    post.wait("it is told twice", |_| origin.heard().len() >= 2);
    post.stop().assert(0, &[]);
    assert_eq!(origin.heard()[0].body, origin.heard()[1].body);
}

/// The second post comes a second after the 429, not at the next tick.
#[test]
fn a_server_that_has_enough_is_left_alone_for_as_long_as_it_says() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&times);
    let origin = Origin::start(None, move |_| {
        let mut times = writer.lock().unwrap();
        times.push(Instant::now());
        match times.len() {
            1 => Reply::answer("429 Too Many Requests", "Retry-After: 1\r\n", b""),
            _ => no_content(),
        }
    });
    let (origin, report) = (origin.unwrap(), taking());
    let pod = pod(&origin, &report);
    pod.moved("proxy.json", [1, 1, 1, 1]);
    let mut post = pod.start();
    post.wait("it is told again", |_| origin.heard().len() >= 2);
    let ended = post.stop();
    ended.assert(0, &["reported"]);
    let times = times.lock().unwrap();
    assert!(times[1] - times[0] >= Duration::from_secs(1), "{times:?}");
    assert_eq!(ended.log.matches("progress is not taken").count(), 1, "{}", ended.log);
    assert_eq!(ended.log.matches("progress is taken again").count(), 1, "{}", ended.log);
}

#[test]
fn a_server_that_never_takes_progress_is_complained_of_once_and_harms_nothing() {
    let (origin, report) = (answering("503 Service Unavailable", "", "down"), taking());
    let pod = pod(&origin, &report);
    pod.moved("proxy.json", [1, 1, 1, 1]);
    let mut post = pod.start();
    post.wait("it was tried often", |_| origin.heard().len() >= 5);
    let ended = post.stop();
    ended.assert(0, &["reported", "0 samples of progress"]);
    assert_eq!(ended.log.matches("progress is not taken").count(), 1, "{}", ended.log);
    posts(&report, 1);
}

#[test]
fn nothing_is_told_before_anything_was_measured() {
    let (origin, report) = (taking(), taking());
    let pod = pod(&origin, &report).args(["--metrics-listen", "127.0.0.1:0"]);
    pod.write("odd.json", "{}");
    let mut post = pod.start();
    post.wait("a few looks", |post| post.run.stdout().contains("passed over"));
    pod.moved("proxy.json", [7, 7, 7, 7]);
    post.wait("progress comes", |_| !origin.heard().is_empty());
    post.stop().assert(0, &[]);
    assert_eq!(body(&origin.heard()[0])["sent_raw_bytes"], 7);
}
