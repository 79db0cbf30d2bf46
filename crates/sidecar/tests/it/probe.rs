// SPDX-License-Identifier: Apache-2.0
//! `BINARY probe`, against a listener that answers as it is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, sync_channel};

use crate::harness::{contract, run, text};

/// Answers one request with this text, and hands on what was asked.
fn answering(answer: &'static str) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, asked) = sync_channel(1);
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
        while !head.ends_with(b"\r\n\r\n") {
            let count = stream.read(&mut buffer).unwrap();
            assert_ne!(count, 0, "the request ends too soon");
            head.extend_from_slice(&buffer[..count]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        sender.send(text(&head)).unwrap();
    });
    (address, asked)
}

const READY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nready\n";

fn probe(address: SocketAddr) -> Command {
    contract(&["probe", "--admin-listen", &address.to_string()])
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), text(&output.stdout))
}

#[test]
fn a_process_that_is_ready_is_ready() {
    let (address, asked) = answering(READY);
    assert_eq!(said(&run(probe(address))), (Some(0), "ready\n".to_owned()));
    assert!(asked.recv().unwrap().starts_with("GET /readyz HTTP/1.1\r\n"));
}

#[test]
fn a_process_that_is_not_ready_says_what_it_waits_for() {
    let (address, _asked) = answering(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 35\r\n\r\n\
         waiting for credentials: no answer\n",
    );
    let sentence = "not ready: waiting for credentials: no answer\n".to_owned();
    assert_eq!(said(&run(probe(address))), (Some(1), sentence));
}

#[test]
fn an_answer_that_is_not_http_or_empty_is_not_ready() {
    for answer in ["", "hello\n", "HTTP/1.1 OK\r\n\r\n", "HTTP/1.1 \r\n\r\n"] {
        let (address, _asked) = answering(answer);
        let (code, text) = said(&run(probe(address)));
        assert_eq!(code, Some(1), "{answer:?}");
        assert!(text.starts_with("not ready: no answer on "), "{answer:?}: {text}");
    }
}

/// The kernel accepts for a process that hangs; the probe must not hang with it.
#[test]
fn a_process_that_accepts_and_never_answers_is_not_ready() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, text) = said(&run(probe(listener.local_addr().unwrap())));
    assert_eq!(code, Some(1), "{text}");
}

#[test]
fn the_address_is_the_flags_then_the_twins_then_the_programs_default() {
    let (by_flag, by_twin) = (answering(READY), answering(READY));
    let mut command = probe(by_flag.0);
    command.env("CONTRACT_ADMIN_LISTEN", "127.0.0.1:2");
    assert_eq!(run(command).status.code(), Some(0));

    let mut command = contract(&["probe"]);
    command.env("CONTRACT_ADMIN_LISTEN", format!("localhost:{}", by_twin.0.port()));
    assert_eq!(run(command).status.code(), Some(0), "localhost is both families");

    let mut command = contract(&["probe"]);
    command.env("CONTRACT_ADMIN_LISTEN", "");
    let (code, text) = said(&run(command));
    assert_eq!(code, Some(1));
    assert!(text.contains("127.0.0.1:1: "), "{text}");
}

#[test]
fn a_wrong_flag_of_the_probe_is_a_usage_error_and_its_help_is_not() {
    assert_eq!(run(contract(&["probe", "--wrong"])).status.code(), Some(64));
    let help = run(contract(&["probe", "--help"]));
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("contract probe [OPTIONS]"), "{help:?}");
}
