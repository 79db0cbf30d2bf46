// SPDX-License-Identifier: Apache-2.0
//! The error table: what the control plane does, and what the broker answers.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use testbed::{Origin, Reply, Step};

use crate::bed::{Broker, HOUR, Setup, ask_for, body, issued, number, problem};
use crate::fake::Fake;

struct Row {
    upstream: u16,
    asks_to_wait: Option<&'static str>,
    answered: u16,
    comes_again: Option<&'static str>,
    says: &'static str,
    class: &'static str,
}

const fn row(upstream: u16, answered: u16, class: &'static str, says: &'static str) -> Row {
    let comes_again = if answered < 500 { None } else { Some("1") };
    Row { upstream, asks_to_wait: None, answered, comes_again, says, class }
}

const TABLE: [Row; 14] = [
    row(403, 403, "denied", "the plane's own words"),
    row(409, 409, "conflict", "the plane's own words"),
    row(400, 502, "not_understood", "answered 400: the plane's own words"),
    row(401, 502, "unaccepted", "answered 401: the plane's own words"),
    row(404, 502, "not_understood", "answered 404: the plane's own words"),
    row(412, 502, "unaccepted", "answered 412: the plane's own words"),
    row(422, 502, "not_understood", "answered 422: the plane's own words"),
    row(429, 503, "too_often", "answered 429: the plane's own words"),
    row(500, 502, "failed", "answered 500: the plane's own words"),
    row(502, 502, "failed", "answered 502: the plane's own words"),
    row(503, 502, "failed", "answered 503: the plane's own words"),
    row(504, 502, "failed", "answered 504: the plane's own words"),
    Row {
        asks_to_wait: Some("7"),
        comes_again: Some("7"),
        ..row(429, 503, "too_often", "answered 429: the plane's own words")
    },
    Row {
        asks_to_wait: Some("7"),
        comes_again: Some("7"),
        ..row(503, 502, "failed", "answered 503: the plane's own words")
    },
];

#[test]
fn each_status_of_the_control_plane_has_its_answer() {
    for row in TABLE {
        let plane = Fake::start(move |_| {
            let mut told = problem(row.upstream, "the plane's own words");
            told.1.extend(row.asks_to_wait.map(|wait| ("retry-after", wait.to_owned())));
            told
        });
        let broker = Setup::open(&plane).start();
        assert_answer(&broker, &row, &format!("upstream {}", row.upstream));
        // It is remembered: the next one is told the same, and the control plane is left alone.
        let again = broker.ask(&ask_for("g"));
        assert_eq!(again.head.status, row.answered, "{}", row.upstream);
        assert_eq!(plane.count(), 1, "upstream {}", row.upstream);
    }
}

fn assert_answer(broker: &Broker, row: &Row, what: &str) {
    let answer = broker.ask(&ask_for("g"));
    let told = body(&answer);
    println!(
        "{what} -> {} {told} retry-after {:?}",
        answer.head.status,
        answer.head.header("retry-after")
    );
    assert_eq!(answer.head.status, row.answered, "{what}: {told}");
    assert_eq!(told["status"], row.answered, "{what}");
    assert!(told["error"].as_str().unwrap().contains(row.says), "{what}: {told}");
    assert_eq!(answer.head.header("retry-after"), row.comes_again, "{what}");
    let stats = broker.stats();
    assert_eq!(stats["refusals"], json!({row.class: 1}), "{what}: {stats}");
    assert_eq!(stats["upstream_errors"], json!({row.class: 1}), "{what}: {stats}");
    let audit = broker.audit();
    let line = audit.last().unwrap();
    assert_eq!(
        (&line["verdict"], &line["reason"]),
        (&json!("refused"), &json!(row.class)),
        "{what}"
    );
}

/// A control plane that answers with these bytes.
fn origin(reply: Reply) -> Origin {
    Origin::always(None, reply).unwrap()
}

fn broker_of(url: &str) -> Broker {
    Setup::new(&format!("canopy:{url}"))
        .args(["--allow-anonymous", "--issuer-timeout", "1s"])
        .start()
}

#[test]
fn what_is_no_answer_is_an_outage() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"credentials\":{\"Acc";
    let halves = Reply(vec![Step::Write(half.to_vec()), Step::Close]);
    let nothing = br#"{"credentials":{"Version":1}}"#;
    let rows = [
        ("a page", Reply::answer("200 OK", "", b"<html>captive portal</html>"), 502),
        ("a set without a key", Reply::answer("200 OK", "", nothing), 502),
        ("an empty answer", Reply::answer("200 OK", "", b""), 502),
        ("a redirect", Reply::answer("302 Found", "location: http://127.0.0.1:1/\r\n", b""), 502),
        ("bytes that are no HTTP", Reply(vec![Step::Write(b"hello".to_vec()), Step::Close]), 503),
        ("half an answer", halves, 503),
        ("a reset", Reply(vec![Step::Reset]), 503),
        ("silence", Reply(vec![Step::Hang]), 503),
    ];
    for (what, reply, answered) in rows {
        let origin = origin(reply);
        let broker = broker_of(&origin.url());
        let answer = broker.ask(&ask_for("g"));
        println!("{what} -> {} {}", answer.head.status, answer.text());
        assert!([502, 503].contains(&answer.head.status), "{what}: {}", answer.text());
        assert_eq!(answer.head.status, answered, "{what}: {}", answer.text());
        assert_eq!(answer.head.header("retry-after"), Some("1"), "{what}");
        assert!(!answer.text().contains("captive"), "{what}: {}", answer.text());
    }
}

#[test]
fn a_control_plane_that_is_not_there_is_an_outage_and_is_heard_when_it_is_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut broker = broker_of(&format!("http://{address}"));
    let answer = broker.ask(&ask_for("g"));
    assert_eq!((answer.head.status, answer.head.header("retry-after")), (503, Some("1")));
    assert!(body(&answer)["error"].as_str().unwrap().contains("refused"), "{}", answer.text());
    // The issuer as a whole is left alone, for other groups too.
    assert_eq!(broker.ask(&ask_for("h")).head.status, 503);
    assert_eq!(broker.stats()["upstream_errors"], json!({"unreachable": 1}));
    broker.wait("the pause is over", |broker| {
        broker.ask(&ask_for("h"));
        broker.stats()["upstream_errors"]["unreachable"].as_u64() >= Some(2)
    });
}

#[test]
fn a_set_that_is_over_is_not_handed_out() {
    let plane = Fake::start(|_| {
        let (status, form, text) = issued(0, HOUR);
        let mut set: serde_json::Value = serde_json::from_str(&text).unwrap();
        set["credentials"]["Expiration"] = "2020-01-01T00:00:00Z".into();
        (status, form, set.to_string())
    });
    let broker = Setup::open(&plane).start();
    let answer = broker.ask(&ask_for("g"));
    assert_eq!(answer.head.status, 502);
    assert!(body(&answer)["error"].as_str().unwrap().contains("over already"), "{}", answer.text());
}

#[test]
fn a_refusal_is_remembered_for_a_short_while() {
    let asked = AtomicU64::new(0);
    let plane = Fake::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => problem(403, "not yet"),
        _ => issued(7, HOUR),
    });
    let mut broker = Setup::open(&plane).args(["--refusal-ttl", "1s"]).start();
    let begun = Instant::now();
    assert_eq!(broker.ask(&ask_for("g")).head.status, 403);
    assert_eq!(broker.ask(&ask_for("g")).head.status, 403);
    assert_eq!(plane.count(), 1);
    broker.wait("the grant is heard of", |broker| broker.ask(&ask_for("g")).head.status == 200);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!((plane.count(), number(&broker.ask(&ask_for("g")))), (2, 7));
}

#[test]
fn a_refusal_ends_the_set_that_is_held() {
    let asked = AtomicU64::new(0);
    let plane = Fake::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => issued(0, Duration::from_secs(6)),
        _ => problem(403, "revoked"),
    });
    let mut broker = Setup::open(&plane).start();
    assert_eq!(broker.ask(&ask_for("g")).head.status, 200);
    let begun = Instant::now();
    broker.wait("it is revoked", |broker| broker.ask(&ask_for("g")).head.status == 403);
    assert!(begun.elapsed() < Duration::from_secs(6), "an old set is not served after a refusal");
    assert_eq!(broker.stats()["entries"], 0);
    assert!(broker.audit().iter().all(|line| line["origin"] != "old"), "{:?}", broker.audit());
}

#[test]
fn a_request_that_is_none_is_told_what_is_wrong() {
    let plane = crate::bed::control_plane(HOUR);
    let broker = Setup::open(&plane).start();
    for (wish, says) in [
        (json!({"type": "pg"}), "group is missing"),
        (json!({"group": "g"}), "type is missing"),
        (json!({"group": "../g", "type": "pg"}), "group does not begin"),
        (json!({"group": "g", "type": "p*"}), "type holds"),
        (json!({"group": "g", "type": "pg", "run_id": "x".repeat(129)}), "run_id is longer"),
        (json!("text"), "wrong form"),
    ] {
        let answer = broker.ask(&wish);
        assert_eq!(answer.head.status, 400, "{wish}");
        let told = body(&answer);
        assert!(told["error"].as_str().unwrap().contains(says), "{wish}: {told}");
    }
    assert_eq!(broker.stats()["refusals"], json!({"bad_request": 6}));
    assert_eq!(plane.count(), 0);
    for (path, status) in [("/internal/restore-creds", 405), ("/nothing", 404)] {
        assert_eq!(broker.get(path).head.status, status, "{path}");
    }
}
