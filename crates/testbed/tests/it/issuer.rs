// SPDX-License-Identifier: Apache-2.0
//! The issuer speaks the broker's wire form and fails in every way that a broker can.

use std::net::TcpStream;
use std::time::Duration;

use testbed::{Issuer, IssuerConfig, Mood, REPO_PASSWORD, RawResponse, exchange};

use crate::client::{Keys, put};
use crate::store::Bed;

const ASKED: &str = r#"{"group":"0d0c","type":"postgres","run_id":"r1"}"#;
const LIFETIME: Duration = Duration::from_secs(60);

fn post(issuer: &Issuer, body: &str, headers: &str) -> std::io::Result<RawResponse> {
    let length = body.len();
    let request = format!(
        "POST /internal/restore-creds HTTP/1.1\r\nHost: x\r\n{headers}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    exchange(issuer.addr(), request.as_bytes())
}

fn json(response: &RawResponse) -> serde_json::Value {
    serde_json::from_slice(&response.body).unwrap()
}

fn keys(document: &serde_json::Value, token: &str) -> Keys {
    let text = |name: &str| document[name].as_str().unwrap().to_owned();
    Keys { id: text("AccessKeyId"), secret: text("SecretAccessKey"), token: Some(text(token)) }
}

#[test]
fn what_it_issues_is_honoured_by_its_store() {
    let bed = Bed::new();
    let issuer = Issuer::start(IssuerConfig::new(bed.store.keyring(), LIFETIME)).unwrap();
    let answer = json(&post(&issuer, ASKED, "").unwrap());
    assert_eq!(answer["credentials"]["Version"], 1);
    assert_eq!(answer["repo_password"], REPO_PASSWORD);
    let expires: jiff::Timestamp =
        answer["credentials"]["Expiration"].as_str().unwrap().parse().unwrap();
    let left = expires.duration_since(jiff::Timestamp::now());
    assert!((55..=60).contains(&left.as_secs()), "{left}");
    let broker = keys(&answer["credentials"], "SessionToken");
    assert_eq!(bed.ask_as(&put("/bucket/k", "x"), &broker).0, 200);
    let container = b"GET /container HTTP/1.1\r\nHost: x\r\n\r\n";
    let container = json(&exchange(issuer.addr(), container).unwrap());
    assert_eq!(bed.ask_as(&put("/bucket/k", "x"), &keys(&container, "Token")).0, 200);
    assert_eq!((issuer.requests(), issuer.bodies().len()), (2, 1));
    assert_eq!(issuer.bodies()[0]["run_id"], "r1");
}

#[test]
fn its_mood_decides_the_answer() {
    let bed = Bed::new();
    let issuer = Issuer::start(IssuerConfig::new(bed.store.keyring(), LIFETIME)).unwrap();
    let status = |mood| {
        issuer.set_mood(mood);
        post(&issuer, ASKED, "").unwrap().head.status
    };
    assert_eq!(status(Mood::Unavailable), 503);
    assert_eq!(status(Mood::Denied), 403);
    assert_eq!(status(Mood::Conflict), 409);
    assert_eq!(status(Mood::Serving), 200);
    let busy = Mood::Failing { status: 503, words: "come again", retry_after: Some(7) };
    issuer.set_mood(busy);
    let answer = post(&issuer, ASKED, "").unwrap();
    assert_eq!((answer.head.status, answer.head.header("retry-after")), (503, Some("7")));
    assert_eq!(json(&answer)["error"], "come again");
    issuer.set_mood(Mood::Garbled);
    let garbled = post(&issuer, ASKED, "").unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&garbled.body).is_err());
    assert_eq!(issuer.requests(), 6);
}

#[test]
fn a_refusing_issuer_has_no_open_port_and_comes_back_on_the_same() {
    let bed = Bed::new();
    let issuer = Issuer::start(IssuerConfig::new(bed.store.keyring(), LIFETIME)).unwrap();
    for _ in 0..3 {
        issuer.set_mood(Mood::Refusing);
        assert!(TcpStream::connect(issuer.addr()).is_err());
        issuer.set_mood(Mood::Serving);
        assert_eq!(post(&issuer, ASKED, "").unwrap().head.status, 200);
    }
}

#[test]
fn a_hanging_issuer_takes_the_request_and_says_nothing() {
    let bed = Bed::new();
    let issuer = Issuer::start(IssuerConfig::new(bed.store.keyring(), LIFETIME)).unwrap();
    issuer.set_mood(Mood::Hanging);
    let mut socket = TcpStream::connect(issuer.addr()).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let request = format!(
        "POST /internal/restore-creds HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{ASKED}",
        ASKED.len()
    );
    std::io::Write::write_all(&mut socket, request.as_bytes()).unwrap();
    let mut byte = [0];
    let silence = std::io::Read::read(&mut socket, &mut byte).unwrap_err();
    assert_eq!(silence.kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(issuer.requests(), 1);
}

#[test]
fn a_token_is_asked_for_where_one_is_set_and_bad_questions_are_refused() {
    let bed = Bed::new();
    let token = Some("s3cret".to_owned());
    let config = IssuerConfig { token, ..IssuerConfig::new(bed.store.keyring(), LIFETIME) };
    let issuer = Issuer::start(config).unwrap();
    let status = |headers: &str, body: &str| post(&issuer, body, headers).unwrap().head.status;
    assert_eq!(status("", ASKED), 401);
    assert_eq!(status("Authorization: Bearer wrong\r\n", ASKED), 401);
    assert_eq!(status("Authorization: Bearer s3cret\r\n", ASKED), 200);
    assert_eq!(status("Authorization: s3cret\r\n", ASKED), 200);
    assert_eq!(status("Authorization: s3cret\r\n", "{}"), 422);
    assert_eq!(status("Authorization: s3cret\r\n", "nonsense"), 400);
}

#[test]
fn the_sums_of_its_store_are_told_where_it_was_given_them() {
    let bed = Bed::new();
    let ask = |issuer: &Issuer| {
        exchange(issuer.addr(), b"GET /counts HTTP/1.1\r\nHost: x\r\n\r\n").unwrap()
    };
    let silent = Issuer::start(IssuerConfig::new(bed.store.keyring(), LIFETIME)).unwrap();
    assert_eq!(ask(&silent).head.status, 404);
    let counter = Some(bed.store.counter());
    let config = IssuerConfig { counter, ..IssuerConfig::new(bed.store.keyring(), LIFETIME) };
    let issuer = Issuer::start(config).unwrap();
    assert_eq!(json(&ask(&issuer))["received_bytes"], 0);
    let set = json(&post(&issuer, ASKED, "").unwrap());
    let set = keys(&set["credentials"], "SessionToken");
    assert_eq!(bed.ask_as(&put("/bucket/k", "four"), &set).0, 200);
    let counts = json(&ask(&issuer));
    assert_eq!((&counts["requests"], &counts["received_bytes"]), (&1.into(), &4.into()));
}

#[test]
fn its_store_holds_what_it_is_told_to_however_the_path_is_written() {
    let bed = Bed::new();
    let holds = bed.store.holds();
    let config = IssuerConfig { holds, ..IssuerConfig::new(bed.store.keyring(), LIFETIME) };
    let issuer = Issuer::start(config).unwrap();
    let order = |what: &str| {
        let order = format!("POST /{what} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        exchange(issuer.addr(), order.as_bytes()).unwrap().head.status
    };
    assert_eq!(order("hold?after=4&path=bucket"), 400, "no path");
    assert_eq!(order("hold?path=%2Fbucket%2Fk"), 400, "no count");
    assert_eq!(order("hold?after=4&path=%2Fbucket%2Fk"), 200);
    let set = json(&post(&issuer, ASKED, "").unwrap());
    let set = keys(&set["credentials"], "SessionToken");
    assert_eq!(bed.ask_as(&put("/bucket/k1", "four"), &set).0, 200, "the limit is reached");
    std::thread::scope(|scope| {
        let second = scope.spawn(|| bed.ask_as(&put("/bucket/k2", "more"), &set).0);
        assert_eq!(bed.ask_as(&put("/bucket/other", "more"), &set).0, 200, "another's path");
        assert!(!second.is_finished(), "held");
        assert_eq!(order("release?path=/bucket/k"), 200);
        assert_eq!(second.join().unwrap(), 200);
    });
    assert_eq!(order("release?path=/bucket/k"), 404, "released already");
}
