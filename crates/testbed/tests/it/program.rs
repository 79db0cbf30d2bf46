// SPDX-License-Identifier: Apache-2.0
//! The servers from where users stand: as a program by hand, and inside an async test.

use std::time::Duration;

use testbed::{Issuer, IssuerConfig, Spawn, wait_until};

use crate::client::{Client, Keys, get, put};
use crate::store::{Bed, LONG};

#[test]
fn the_program_prints_all_that_a_client_needs_and_stops_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Spawn::new(env!("CARGO_BIN_EXE_testbed-store"))
        .args(["--tls", "--lifetime", "3s", "--root"])
        .arg(dir.path())
        .start()
        .unwrap();
    run.wait_until(LONG, "its line is there", |run| run.stdout().ends_with('\n')).unwrap();
    let facts: serde_json::Value = serde_json::from_str(&run.stdout()).unwrap();
    let text = |name: &str| facts[name].as_str().unwrap().to_owned();
    assert!(text("store_url").starts_with("https://localhost:"));
    assert!(std::fs::read_to_string(text("ca")).unwrap().contains("BEGIN CERTIFICATE"));
    let keys = Keys { id: text("access_key_id"), secret: text("secret_access_key"), token: None };
    let addr = text("store_http_url").trim_start_matches("http://").parse().unwrap();
    assert_eq!(Client::plain(addr).send(&put("/bucket/k", "x"), &keys).head.status, 200);
    run.terminate().unwrap();
    assert_eq!(run.wait(LONG).unwrap().code(), Some(0));
}

#[test]
fn a_taken_port_ends_the_program_with_a_message_that_names_it() {
    let bed = Bed::new();
    let listen = bed.store.http_addr().to_string();
    let program = Spawn::new(env!("CARGO_BIN_EXE_testbed-store"));
    let mut run = program.args(["--listen", &listen]).start().unwrap();
    assert_eq!(run.wait(LONG).unwrap().code(), Some(1));
    assert!(run.stderr().contains(&listen), "{}", run.story());
}

#[tokio::test]
async fn servers_start_and_end_inside_an_async_test() {
    let bed = Bed::new();
    let lifetime = Duration::from_secs(60);
    let issuer = Issuer::start(IssuerConfig::new(bed.store.keyring(), lifetime)).unwrap();
    assert_eq!(bed.ask(&get("/bucket/k")).0, 404);
    let (addr, other) = (bed.store.http_addr(), issuer.addr());
    drop(issuer);
    drop(bed);
    for addr in [addr, other] {
        let refused = || std::net::TcpStream::connect(addr).is_err();
        wait_until(LONG, "a dropped server's port refuses", refused).unwrap();
    }
}
