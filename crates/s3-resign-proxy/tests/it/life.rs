// SPDX-License-Identifier: Apache-2.0
//! The process: it starts, refuses, bounds, drains and ends as it says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use testbed::{Spawn, wait_until};

use crate::bed::Bed;
use crate::client::{assert_error, assert_ok};
use crate::proxy::{SOON, binary};

#[test]
fn it_ends_when_asked_with_its_tallies_in_the_last_word() {
    let bed = Bed::new();
    let mut proxy = bed.setup().ready();
    assert_ok(&proxy.client().put("/bucket/k", vec![1; 5000]).send());
    assert_eq!(proxy.stop(), 0);
    let last = std::fs::read_to_string(proxy.path("termination")).unwrap();
    assert!(last.contains("\"sent_payload_bytes\":5000"), "{last}");
    let stats: serde_json::Value =
        serde_json::from_slice(&std::fs::read(proxy.path("stats.json")).unwrap()).unwrap();
    assert_eq!(stats["sent_payload_bytes"], 5000);
    assert!(stats["sent_raw_bytes"].as_u64().unwrap() > 5000);
}

#[test]
fn a_taken_port_is_named_with_exit_69() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut run = Spawn::new(binary())
        .clean_env()
        .args(["--region", "r", "--credentials", "env", "--caller-env-file"])
        .arg(std::env::temp_dir().join("never-written"))
        .args(["--listen", &address, "--admin-listen", "127.0.0.1:0"])
        .start()
        .unwrap();
    assert_eq!(run.wait(SOON).unwrap().code(), Some(69));
    assert!(run.stdout().contains(&address), "{}", run.story());
}

#[test]
fn a_request_under_way_is_drained_before_the_exit() {
    let bed = Bed::new();
    let mut proxy = bed.setup().ready();
    let client = proxy.client();
    let (head, body) = client.put("/bucket/slow", vec![8; 300_000]).parts();
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    stream.write_all(&head).unwrap();
    stream.write_all(&body[..100_000]).unwrap();
    wait_until(SOON, "the store hears of it", || {
        proxy.stats()["sent_raw_bytes"].as_u64() > Some(50_000)
    })
    .unwrap();
    proxy.run.terminate().unwrap();
    wait_until(SOON, "it stops accepting", || TcpStream::connect(proxy.addr()).is_err()).unwrap();
    assert!(proxy.run.exited().is_none(), "it left a request behind");
    stream.write_all(&body[100_000..]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(proxy.run.wait(SOON).unwrap().code(), Some(0));
}

#[test]
fn slow_heads_are_cut_and_stop_nobody() {
    let bed = Bed::new();
    let proxy = bed.setup().args(["--header-timeout", "2s"]).ready();
    let mut slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(proxy.addr()).unwrap();
            stream.write_all(b"GET /bucket/k HTTP/1.1\r\nHost: x\r\n").unwrap();
            stream
        })
        .collect();
    assert_ok(&proxy.client().put("/bucket/k", "x").send());
    for stream in &mut slow {
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        let mut rest = Vec::new();
        // A cut is the end or a reset; a time-out here would be none.
        if let Err(error) = stream.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
}

#[test]
fn an_idle_connection_outlives_the_limit_for_heads() {
    let bed = Bed::new();
    let proxy = bed.setup().args(["--header-timeout", "1s"]).ready();
    let bytes = proxy.client().put("/bucket/k", "x").bytes();
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    let mut buffer = [0; 4096];
    for _ in 0..2 {
        stream.write_all(&bytes).unwrap();
        let read = stream.read(&mut buffer).unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
        // The connection must stay idle for longer than the limit: time itself is the subject here.
        std::thread::sleep(Duration::from_millis(1500));
    }
}

#[test]
fn a_head_of_70_kib_is_an_error_of_s3() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let client = proxy.client();
    let call = client.get("/bucket/k").header("x-amz-meta-large", vec![b'a'; 70 * 1024]);
    assert_error(&call.send(), 400, "RequestHeaderSectionTooLarge");
}

#[test]
fn metrics_and_probe_tell_what_happened() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    assert_ok(&proxy.client().put("/bucket/k", "x").send());
    assert_eq!(
        proxy.metric("s3_resign_proxy_requests_total{method=\"PUT\",class=\"2\"}"),
        Some(1.0)
    );
    assert_eq!(proxy.metric("s3_resign_proxy_credential_valid"), Some(1.0));
    assert_eq!(proxy.probe(), (0, "ready\n".to_owned()));
    assert_eq!(proxy.ask("/livez").head.status, 200);
}
