// SPDX-License-Identifier: Apache-2.0
//! A thousand keys: memory has a bound, and how long callers wait is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Barrier;

use crate::bed::{HOUR, Setup, ask_for, control_plane, request};

const KEYS: usize = 1000;
const MIB: u64 = 1024 * 1024;

/// All at once; how long each waited, shortest first.
async fn ask_all(to: SocketAddr, wishes: Vec<Value>) -> Vec<Duration> {
    let begin = Arc::new(Barrier::new(wishes.len()));
    let mut askers = Vec::new();
    for wish in wishes {
        let begin = Arc::clone(&begin);
        askers.push(tokio::spawn(async move {
            begin.wait().await;
            let begun = Instant::now();
            let mut stream = TcpStream::connect(to).await.unwrap();
            stream.write_all(&request(None, &wish)).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
            begun.elapsed()
        }));
    }
    let mut waited = Vec::new();
    for asker in askers {
        waited.push(asker.await.unwrap());
    }
    waited.sort_unstable();
    waited
}

fn told(what: &str, waited: &[Duration], rss: u64) {
    let at = |part: usize| waited[(waited.len() - 1) * part / 100];
    println!(
        "{what}: p50 {:?}, p99 {:?}, most {:?}, RSS {} KiB",
        at(50),
        at(99),
        at(100),
        rss / 1024
    );
}

#[tokio::test]
async fn a_thousand_keys_at_once_have_a_bound_in_memory() {
    let plane = control_plane(HOUR);
    let setup = Setup::open(&plane).args(["--answer-within", "1m"]);
    let broker = setup.start();
    let idle = broker.run.usage().unwrap().rss_bytes;
    let wishes = || (0..KEYS).map(|at| ask_for(&format!("g{at}"))).collect::<Vec<_>>();
    let rss = || broker.run.usage().unwrap().rss_bytes;
    told("idle", &[Duration::ZERO], idle);
    told("1,000 keys, each issued", &ask_all(broker.addr, wishes()).await, rss());
    assert_eq!(plane.count(), KEYS);
    told("1,000 keys, each held", &ask_all(broker.addr, wishes()).await, rss());
    assert_eq!(plane.count(), KEYS);
    let one = (0..KEYS).map(|_| ask_for("one")).collect();
    told("1,000 askers of one key", &ask_all(broker.addr, one).await, rss());
    assert_eq!(plane.count(), KEYS + 1);
    let full = rss();
    // A slow leak by run id is what this bound is against: ten times as many keys as may be held.
    for run in 0..10 {
        let some = (0..KEYS).map(
            |at| serde_json::json!({"group": "g", "type": "pg", "run_id": format!("{run}-{at}")}),
        );
        ask_all(broker.addr, some.collect()).await;
    }
    let end = rss();
    told("10,000 more keys", &[Duration::ZERO], end);
    assert_eq!(broker.stats()["entries"], 1024);
    assert!(full < 96 * MIB && end < full + 16 * MIB, "{idle} {full} {end}");
}
