// SPDX-License-Identifier: Apache-2.0
//! Silence, slowness and broken answers: what has come is passed on, what does not come is an error
//! that makes the caller try again.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use http::Method;
use testbed::{Reply, Step, read_response};

use crate::bed::{Bed, Scripted};
use crate::client::{assert_error, assert_ok};
use crate::proxy::SOON;

/// Reads until these bytes have come.
fn read_until(stream: &mut TcpStream, wanted: &[u8]) {
    stream.set_read_timeout(Some(SOON)).unwrap();
    let (mut got, mut block) = (Vec::new(), [0; 4096]);
    while !got.windows(wanted.len()).any(|window| window == wanted) {
        let len = stream.read(&mut block).unwrap();
        assert!(len > 0, "ended after {:?}", String::from_utf8_lossy(&got));
        got.extend_from_slice(&block[..len]);
    }
}

#[test]
fn the_first_blank_of_a_slow_200_arrives_while_the_store_still_works() {
    let begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n".to_vec();
    let scripted = Scripted::always(Reply(vec![Step::Write(begun), Step::Hang]));
    let proxy = scripted.setup().ready();
    let bytes = proxy.client().call(Method::POST, "/b/k?uploadId=1").bytes();
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    stream.write_all(&bytes).unwrap();
    // The origin never goes on, so a proxy that waited for the rest would wait for ever.
    read_until(&mut stream, b"1\r\n \r\n");
}

#[test]
fn a_store_that_takes_a_request_and_never_answers_is_a_retryable_error() {
    let scripted = Scripted::always(Reply(vec![Step::Hang]));
    let proxy = scripted.setup().args(["--idle-timeout", "1s"]).ready();
    let client = proxy.client();
    assert_error(&client.put("/b/k", vec![1; 200_000]).send(), 503, "SlowDown");
    assert_error(&client.call(Method::POST, "/b/k?uploads").send(), 503, "SlowDown");
}

#[test]
fn a_store_that_falls_silent_in_an_answer_cuts_it_for_the_caller() {
    let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec();
    let scripted = Scripted::always(Reply(vec![Step::Write(begun), Step::Hang]));
    let proxy = scripted.setup().args(["--idle-timeout", "1s"]).ready();
    let answer = proxy.client().get("/b/k").send();
    assert_eq!((answer.body.as_slice(), answer.complete), (b"half".as_slice(), false));
}

#[test]
fn a_caller_that_stops_sending_is_told_so_and_nothing_is_stored() {
    let bed = Bed::new();
    let proxy = bed.setup().args(["--idle-timeout", "1s"]).ready();
    for size in [300_000, 2_000] {
        let (head, body) = proxy.client().put("/bucket/half", vec![1; size]).parts();
        let mut stream = TcpStream::connect(proxy.addr()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(&head).unwrap();
        stream.write_all(&body[..size / 2]).unwrap();
        let answer = read_response(&mut stream, "PUT").unwrap();
        assert_error(&answer, 400, "RequestTimeout");
    }
    assert_eq!(proxy.client().get("/bucket/half").send().head.status, 404);
}

#[test]
fn an_error_whose_body_breaks_off_is_retryable_and_never_a_bare_status() {
    let cut = Reply(vec![
        Step::Write(
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 300\r\n\r\n<Error><Code>Expired".to_vec(),
        ),
        Step::Close,
    ]);
    let scripted = Scripted::always(cut);
    let proxy = scripted.setup().ready();
    let client = proxy.client();
    assert_error(&client.put("/b/k", vec![1; 200_000]).send(), 503, "SlowDown");
    assert_error(&client.get("/b/k").send(), 503, "SlowDown");
}

#[test]
fn a_caller_beyond_the_bound_waits_for_a_place_and_is_served_then() {
    let bed = Bed::new();
    let proxy = bed.setup().args(["--max-connections", "2"]).ready();
    let bytes = proxy.client().put("/bucket/k", "x").bytes();
    let mut places: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(proxy.addr()).unwrap();
            stream.write_all(&bytes).unwrap();
            stream
        })
        .collect();
    for stream in &mut places[..2] {
        stream.set_read_timeout(Some(SOON)).unwrap();
        assert_ok(&read_response(stream, "PUT").unwrap());
    }
    // Both places are held by idle connections: nobody else has an answer.
    for stream in &mut places[2..] {
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        assert!(stream.read(&mut [0]).is_err(), "a third connection was served");
    }
    drop(places.drain(..2));
    for stream in &mut places {
        stream.set_read_timeout(Some(SOON)).unwrap();
        assert_ok(&read_response(stream, "PUT").unwrap());
    }
}
