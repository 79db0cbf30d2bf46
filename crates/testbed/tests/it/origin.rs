// SPDX-License-Identifier: Apache-2.0
//! The origin hears exact bytes and says exact bytes.

use std::time::Duration;

use testbed::{Origin, Reply, Step, exchange};

const SOON: Duration = Duration::from_secs(5);

#[test]
fn a_request_is_heard_with_its_exact_bytes() {
    let origin = Origin::always(None, Reply::answer("200 OK", "", b"")).unwrap();
    let head = "PUT /b/%7e//..?b=2&a=1 HTTP/1.1\r\nhOsT: x\r\nX-Odd:  two  spaces \r\n\
                X-Dup: 1\r\nX-Dup: 2\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = "3\r\nabc\r\n0\r\n\r\n";
    exchange(origin.addr(), format!("{head}{body}").as_bytes()).unwrap();
    let heard = &origin.wait_heard(1, SOON)[0];
    assert_eq!(String::from_utf8_lossy(&heard.head.bytes), head);
    assert_eq!(heard.head.target, "/b/%7e//..?b=2&a=1");
    assert_eq!(heard.head.values("x-dup"), [b"1", b"2"]);
    assert_eq!((heard.raw_body.as_slice(), heard.body.as_slice()), (body.as_bytes(), &b"abc"[..]));
    assert!(heard.complete);
}

#[test]
fn replies_come_in_turn_and_may_be_odd() {
    let slow = vec![
        Step::Write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n".to_vec()),
        Step::Pause(Duration::from_millis(20)),
        Step::Write(b"4\r\n<ok>\r\n0\r\n\r\n".to_vec()),
    ];
    let replies = vec![
        Reply::bytes("HTTP/1.1 204 No Content\r\n\r\n"),
        Reply(slow),
        Reply(vec![
            Step::Write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec()),
            Step::Close,
        ]),
        Reply(vec![Step::Reset]),
    ];
    let origin = Origin::in_turn(None, replies).unwrap();
    let ask = || exchange(origin.addr(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(ask().unwrap().head.status, 204);
    assert_eq!(ask().unwrap().body, b" <ok>");
    let cut = ask().unwrap();
    assert_eq!((cut.body.as_slice(), cut.complete), (&b"abc"[..], false));
    assert!(ask().is_err());
    assert_eq!((origin.wait_heard(4, SOON).len(), origin.connections()), (4, 4));
}

#[test]
fn a_body_that_is_cut_is_heard_as_incomplete() {
    let origin = Origin::always(None, Reply::default()).unwrap();
    let mut socket = std::net::TcpStream::connect(origin.addr()).unwrap();
    let request = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc";
    std::io::Write::write_all(&mut socket, request).unwrap();
    drop(socket);
    let heard = &origin.wait_heard(1, SOON)[0];
    assert_eq!((heard.body.as_slice(), heard.complete), (&b"abc"[..], false));
}
