// SPDX-License-Identifier: Apache-2.0
//! Callers that are slow, long or many.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bed::{Broker, HOUR, SOON, Setup, ask_for, control_plane, request};
use crate::fake::Fake;

fn start(args: &[&str]) -> (Fake, Broker) {
    let plane = control_plane(HOUR);
    let broker = Setup::open(&plane).args(args).start();
    (plane, broker)
}

/// Writes drop by drop until the broker has enough, and returns what it said.
fn drip(broker: &Broker, begin: &str, drop: &[u8]) -> (Duration, String) {
    let mut stream = TcpStream::connect(broker.addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    stream.write_all(begin.as_bytes()).unwrap();
    let (begun, mut said) = (Instant::now(), Vec::new());
    loop {
        let mut block = [0; 1024];
        match stream.read(&mut block) {
            Ok(0) => break,
            Ok(length) => said.extend_from_slice(&block[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                let _ = stream.write_all(drop);
            }
            Err(_) => break,
        }
        assert!(begun.elapsed() < SOON, "it waits for ever");
    }
    (begun.elapsed(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_head_that_drips_is_cut() {
    let (_plane, broker) = start(&["--request-timeout", "1s"]);
    let (took, _) = drip(&broker, "POST /internal/restore-creds HTTP/1.1\r\nx-a: ", b"a");
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_body_that_drips_is_408() {
    let (plane, broker) = start(&["--request-timeout", "1s"]);
    let head = "POST /internal/restore-creds HTTP/1.1\r\nhost: b\r\ncontent-length: 4000\r\n\r\n{";
    let (took, said) = drip(&broker, head, b" ");
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(plane.count(), 0);
}

#[test]
fn a_silent_connection_is_closed_and_its_place_is_free() {
    let (_plane, mut broker) = start(&["--request-timeout", "1s", "--max-connections", "2"]);
    let held: Vec<_> = (0..2).map(|_| TcpStream::connect(broker.addr).unwrap()).collect();
    broker.wait("both are connected", |broker| {
        broker.metric("credential_broker_connections") == Some(2.0)
    });
    // It waits in the queue until one of the silent ones is closed.
    assert_eq!(broker.ask(&ask_for("g")).head.status, 200);
    drop(held);
}

#[test]
fn a_long_body_is_413_and_is_not_read_to_its_end() {
    let (plane, broker) = start(&[]);
    let wish = json!({"group": "g", "type": "pg", "x": "y".repeat(5000)});
    let answer = broker.ask(&wish);
    assert_eq!(answer.head.status, 413, "{}", answer.text());
    let endless =
        "POST /internal/restore-creds HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\n\r\n";
    let (_, said) = drip(&broker, endless, format!("400\r\n{}\r\n", " ".repeat(1024)).as_bytes());
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    assert_eq!(plane.count(), 0);
    assert_eq!(
        broker.ask(&json!({"group": "g", "type": "pg", "x": "y".repeat(3000)})).head.status,
        200
    );
}

#[test]
fn a_long_head_is_431() {
    let (_plane, broker) = start(&[]);
    let long = format!("GET /healthz HTTP/1.1\r\nx-a: {}\r\n\r\n", "y".repeat(40_000));
    let answer = testbed::exchange(broker.addr, long.as_bytes());
    let status = answer.map(|answer| answer.head.status);
    assert!(matches!(status, Ok(431)) || status.is_err(), "{status:?}");
    assert_eq!(broker.get("/healthz").head.status, 200);
}

#[test]
fn a_connection_serves_one_request_after_another() {
    let (plane, broker) = start(&[]);
    let text = String::from_utf8(request(None, &ask_for("g"))).unwrap();
    let text = text.replace("connection: close\r\n", "");
    let mut stream = TcpStream::connect(broker.addr).unwrap();
    for _ in 0..3 {
        stream.write_all(text.as_bytes()).unwrap();
        let answer = testbed::read_response(&mut stream, "POST").unwrap();
        assert_eq!(answer.head.status, 200);
    }
    assert_eq!(plane.count(), 1);
}
