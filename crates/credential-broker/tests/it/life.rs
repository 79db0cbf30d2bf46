// SPDX-License-Identifier: Apache-2.0
//! Its life as a process: probes, the end of it, and what it says at the end.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::{Value, json};
use testbed::{Spawn, read_response};

use crate::bed::{HOUR, SOON, Setup, ask_for, binary, control_plane, number, request};

#[test]
fn it_is_alive_and_ready_on_both_ports() {
    let plane = control_plane(HOUR);
    let broker = Setup::open(&plane).start();
    assert_eq!(
        (broker.get("/healthz").head.status, broker.get("/healthz").text().trim()),
        (200, "ok")
    );
    assert_eq!(broker.get("/readyz").text().trim(), "ready");
    assert_eq!(broker.admin("/livez").head.status, 200);
    assert_eq!(broker.admin("/readyz").head.status, 200);
    assert_eq!(broker.get("/metrics").head.status, 404, "metrics have a port of their own");
    let probe = Spawn::new(binary()).clean_env().args(["probe", "--admin-listen"]);
    let mut probe = probe.arg(broker.admin.to_string()).start().unwrap();
    assert_eq!(probe.wait(SOON).unwrap().code(), Some(0));
}

#[test]
fn a_stop_lets_the_requests_under_way_end() {
    let plane = control_plane(HOUR);
    let mut broker = Setup::open(&plane).start();
    plane.hold();
    let mut waiting = TcpStream::connect(broker.addr).unwrap();
    waiting.write_all(&request(None, &ask_for("g"))).unwrap();
    broker.wait("the control plane is asked", |_| plane.count() == 1);
    broker.run.terminate().unwrap();
    broker.wait("it drains", |broker| broker.run.stdout().contains("\"draining\""));
    assert!(TcpStream::connect(broker.addr).is_err(), "nobody new is accepted");
    assert_eq!(broker.admin("/readyz").head.status, 503);
    plane.release();
    assert_eq!(number(&read_response(&mut waiting, "POST").unwrap()), 0);
    assert_eq!(broker.run.wait(SOON).unwrap().code(), Some(0));
}

#[test]
fn a_stop_cuts_what_does_not_end_in_its_grace() {
    let plane = control_plane(HOUR);
    let mut broker = Setup::open(&plane).args(["--grace", "300ms"]).start();
    plane.hold();
    let mut waiting = TcpStream::connect(broker.addr).unwrap();
    waiting.write_all(&request(None, &ask_for("g"))).unwrap();
    broker.wait("the control plane is asked", |_| plane.count() == 1);
    assert_eq!(broker.stop(), 0);
    assert!(broker.run.stdout().contains("cut at the end of the grace"));
}

#[test]
fn its_last_word_counts_what_it_handed_out() {
    let plane = control_plane(HOUR);
    let mut broker = Setup::open(&plane).start();
    broker.ask(&ask_for("g"));
    broker.ask(&ask_for("g"));
    broker.ask(&json!({}));
    assert_eq!(broker.stop(), 0);
    let last = std::fs::read_to_string(broker.path("termination")).unwrap();
    let (sentence, facts) = last.split_once('\n').unwrap();
    assert!(
        sentence.contains("handed out 2 sets of which the issuer issued 1, refused 1"),
        "{sentence}"
    );
    let facts: Value = serde_json::from_str(facts).unwrap();
    assert_eq!(facts["facts"]["grants"], json!({"issued": 1, "cached": 1}));
}

#[test]
fn a_taken_port_is_named_and_is_exit_69() {
    let plane = control_plane(HOUR);
    let broker = Setup::open(&plane).start();
    let address = broker.addr.to_string();
    let (mut run, _) = Setup::new(&format!("canopy:{}", plane.url()))
        .args(["--allow-anonymous", "--check"])
        .env("X", "y")
        .spawn();
    assert_eq!(run.wait(SOON).unwrap().code(), Some(0), "a check touches no port");
    let spawn = Spawn::new(binary()).clean_env().args(["--allow-anonymous", "--listen", &address]);
    let issuer = format!("canopy:{}", plane.url());
    let mut run =
        spawn.args(["--admin-listen", "127.0.0.1:0", "--issuer", &issuer]).start().unwrap();
    assert_eq!(run.wait(SOON).unwrap().code(), Some(69));
    assert!(run.stdout().contains(&address), "{}", run.story());
}

#[test]
fn the_names_of_old_are_read_too() {
    let plane = control_plane(HOUR);
    let spawn = Spawn::new(binary())
        .clean_env()
        .args(["--allow-anonymous", "--issuer", "canopy", "--admin-listen", "127.0.0.1:0"])
        .env("PGRO_BROKER_LISTEN_ADDR", "127.0.0.1:0")
        .env("CANOPY_BASE_URL", plane.url());
    let mut run = spawn.start().unwrap();
    let address = |log: &str| {
        let line = log.lines().find(|line| line.contains("\"listening\""))?;
        let line: Value = serde_json::from_str(line).ok()?;
        line["address"].as_str()?.parse().ok()
    };
    run.wait_until(SOON, "it listens", |run| address(&run.stdout()).is_some()).unwrap();
    let address = address(&run.stdout()).unwrap();
    let answer = testbed::exchange(address, &request(None, &ask_for("g"))).unwrap();
    assert_eq!(number(&answer), 0);
}
