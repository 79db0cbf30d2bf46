// SPDX-License-Identifier: Apache-2.0
//! However many ask at once, the control plane is asked once; and who waits is told.

use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use std::io::Write as _;
use testbed::{RawResponse, read_response};

use crate::bed::{
    Broker, HOUR, Setup, ask_for, body, control_plane, issued, number, problem, request,
};
use crate::fake::Fake;

/// Sends, without reading an answer.
fn send(broker: &Broker, wish: &serde_json::Value) -> TcpStream {
    let mut stream = TcpStream::connect(broker.addr).unwrap();
    stream.write_all(&request(None, wish)).unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> RawResponse {
    read_response(&mut stream, "POST").unwrap()
}

#[test]
fn a_thousand_who_ask_at_once_get_one_set() {
    let plane = control_plane(HOUR);
    let mut broker = Setup::open(&plane).start();
    plane.hold();
    let waiting: Vec<_> = (0..1000).map(|_| send(&broker, &ask_for("g"))).collect();
    broker.wait("all are connected", |broker| {
        broker.metric("credential_broker_connections") == Some(1000.0)
    });
    plane.release();
    for stream in waiting {
        assert_eq!(number(&answer(stream)), 0);
    }
    assert_eq!(plane.count(), 1);
    let stats = broker.stats();
    assert_eq!(stats["issuances"], 1);
    let shared = stats["grants"]["shared"].as_u64().unwrap_or(0);
    let cached = stats["grants"]["cached"].as_u64().unwrap_or(0);
    assert_eq!(shared + cached, 999, "{stats}");
}

#[test]
fn one_failure_is_told_to_all_who_wait() {
    let plane = Fake::start(|_| problem(403, "no enabled declaration"));
    let mut broker = Setup::open(&plane).start();
    plane.hold();
    let waiting: Vec<_> = (0..50).map(|_| send(&broker, &ask_for("g"))).collect();
    broker.wait("all are connected", |broker| {
        broker.metric("credential_broker_connections") == Some(50.0)
    });
    plane.release();
    for stream in waiting {
        let answer = answer(stream);
        assert_eq!(answer.head.status, 403);
        assert_eq!(body(&answer)["error"], "no enabled declaration");
    }
    assert_eq!(plane.count(), 1);
    assert_eq!(broker.audit().len(), 50, "each refusal is audited");
}

#[test]
fn who_goes_away_does_not_end_the_question() {
    let plane = control_plane(HOUR);
    let mut broker = Setup::open(&plane).start();
    plane.hold();
    let gone = send(&broker, &ask_for("g"));
    broker.wait("the control plane is asked", |_| plane.count() == 1);
    drop(gone);
    broker.wait("the caller is gone", |broker| {
        broker.metric("credential_broker_connections") == Some(0.0)
    });
    plane.release();
    broker.wait("the set is kept", |broker| broker.stats()["entries"] == 1);
    assert_eq!(number(&broker.ask(&ask_for("g"))), 0);
    assert_eq!(plane.count(), 1);
    assert_eq!(broker.stats()["grants"], json!({"cached": 1}));
}

#[test]
fn who_waited_long_enough_is_told_to_come_again_and_finds_the_set() {
    let plane = control_plane(HOUR);
    let mut broker = Setup::open(&plane).args(["--answer-within", "300ms"]).start();
    plane.hold();
    let told = broker.ask(&ask_for("g"));
    assert_eq!((told.head.status, told.head.header("retry-after")), (503, Some("1")));
    plane.release();
    broker.wait("the set is kept", |broker| broker.stats()["entries"] == 1);
    assert_eq!(number(&broker.ask(&ask_for("g"))), 0);
    assert_eq!(plane.count(), 1);
}

#[test]
fn a_restart_asks_again_and_never_reuses_a_set_of_before() {
    let plane = control_plane(HOUR);
    let setup = Setup::open(&plane);
    let mut broker = setup.start();
    assert_eq!(number(&broker.ask(&ask_for("g"))), 0);
    broker.run.kill().unwrap();
    let broker = setup.start();
    assert_eq!(number(&broker.ask(&ask_for("g"))), 1);
}

#[test]
fn questions_to_the_control_plane_are_bounded() {
    let plane = control_plane(HOUR);
    let setup = Setup::open(&plane).args(["--max-issuing", "2", "--max-entries", "5"]);
    let mut broker = setup.start();
    plane.hold();
    let waiting: Vec<_> =
        (0..5).map(|group| send(&broker, &ask_for(&format!("g{group}")))).collect();
    broker.wait("five keys are asked for", |broker| broker.stats()["in_flight"] == 5);
    broker.wait("two questions are asked", |_| plane.count() == 2);
    let told = broker.ask(&ask_for("g5"));
    assert_eq!((told.head.status, told.head.header("retry-after")), (503, Some("1")));
    assert_eq!(plane.count(), 2);
    plane.release();
    for stream in waiting {
        assert_eq!(answer(stream).head.status, 200);
    }
    assert_eq!(broker.stats()["refusals"], json!({"busy": 1}));
}

#[test]
fn a_run_is_told_to_the_control_plane() {
    let plane = control_plane(HOUR);
    let broker = Setup::open(&plane).start();
    broker.ask(&json!({"group": "g", "type": "pg", "run_id": "9e9e"}));
    broker.ask(&ask_for("g"));
    let told: Vec<_> = plane
        .asked()
        .iter()
        .map(|asked| {
            assert_eq!(asked.line, "POST /restore-credentials");
            plain(&asked.body)
        })
        .collect();
    let expected = [
        json!({"group": "g", "type": "pg", "run_id": "9e9e"}),
        json!({"group": "g", "type": "pg"}),
    ];
    assert_eq!(told, expected);
}

/// The client gzips what it sends.
fn plain(body: &[u8]) -> serde_json::Value {
    serde_json::from_reader(flate2::read::GzDecoder::new(body)).unwrap()
}

#[test]
fn one_group_that_fails_does_not_hold_up_another() {
    let issues = AtomicU64::new(0);
    let plane = Fake::start(move |asked| match plain(&asked.body)["group"].as_str() {
        Some("bad") => problem(500, "boom"),
        _ => issued(issues.fetch_add(1, Ordering::SeqCst), Duration::from_secs(600)),
    });
    let broker = Setup::open(&plane).start();
    assert_eq!(broker.ask(&ask_for("bad")).head.status, 502);
    assert_eq!(broker.ask(&ask_for("good")).head.status, 200);
    assert_eq!(broker.ask(&ask_for("bad")).head.status, 502);
    assert_eq!(plane.count(), 2, "the bad one is left alone for a while");
}
