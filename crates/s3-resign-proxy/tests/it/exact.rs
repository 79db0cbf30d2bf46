// SPDX-License-Identifier: Apache-2.0
//! What is signed is what is sent, byte for byte; what is answered is what is passed on.

use std::time::Duration;

use http::Method;
use testbed::{Reply, Step};

use crate::bed::{Bed, Scripted};
use crate::client::{Form, Length, assert_ok};
use crate::proxy::SOON;

#[test]
fn odd_keys_come_back_by_the_same_name_through_a_store_that_verifies() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let client = proxy.client();
    for key in [
        "a%20b",
        "a+b",
        "a//b",
        "x/./y",
        "x/../y",
        "%E2%82%AC",
        "%e2%82%ac/low",
        "un%41needed",
        "tilde~",
        "colon:at@",
        "a%2Bb",
        "quote'()*!",
        "100%25",
        "/leading",
        "trailing/",
    ] {
        let target = format!("/bucket/{key}");
        assert_ok(&client.put(&target, key).send());
        let answer = client.get(&target).send();
        assert_eq!(answer.body, key.as_bytes(), "{key}");
    }
    assert_eq!(bed.store.counts().failed, 0);
}

#[test]
fn the_wire_has_canonical_escapes_whatever_the_caller_wrote() {
    let scripted = Scripted::ok();
    let proxy = scripted.setup().ready();
    assert_ok(&proxy.client().get("/b/%e2un%41%ff//../k?z=1&a=%2f+x&z=0&flag").send());
    let heard = scripted.origin.wait_heard(1, SOON);
    assert_eq!(heard[0].head.target, "/b/%E2unA%FF//../k?a=%2F%20x&flag=&z=0&z=1");
}

#[test]
fn metadata_in_utf8_and_repeated_headers_arrive_as_bytes() {
    let scripted = Scripted::ok();
    let proxy = scripted.setup().ready();
    let client = proxy.client();
    let call = client.put("/b/k", "x").header("x-amz-meta-name", "caf\u{e9} \u{20ac}");
    let call = call.header("x-amz-meta-twice", "one").header("x-amz-meta-twice", "two  spaces");
    assert_ok(&call.send());
    let heard = &scripted.origin.wait_heard(1, SOON)[0].head;
    let bytes = heard.bytes.clone();
    let has = |wanted: &str| bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes());
    assert!(has("caf\u{e9} \u{20ac}"), "{}", String::from_utf8_lossy(&bytes));
    assert!(has("x-amz-meta-twice: one\r\n") && has("x-amz-meta-twice: two  spaces\r\n"));
}

#[test]
fn hop_by_hop_headers_and_expect_stay_on_their_hop() {
    let scripted = Scripted::ok();
    let proxy = scripted.setup().ready();
    let client = proxy.client();
    let call = client.put("/b/k", vec![1; 100]).expecting();
    let call = call.unsigned_header("Connection", "keep-alive, X-Private");
    let call = call.unsigned_header("X-Private", "1").unsigned_header("Keep-Alive", "timeout=5");
    let answer = call.send();
    assert_ok(&answer);
    assert!(!answer.informational.is_empty(), "the caller was not told to go on");
    let head = &scripted.origin.wait_heard(1, SOON)[0].head;
    for name in ["expect", "x-private", "keep-alive", "connection", "transfer-encoding"] {
        assert_eq!(head.header(name), None, "{name}");
    }
}

#[test]
fn lengths_of_head_204_and_304_are_the_stores() {
    for (method, reply, status, length) in [
        (
            Method::HEAD,
            "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nETag: \"e\"\r\n\r\n",
            200,
            Some("12345"),
        ),
        (Method::GET, "HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n\r\n", 304, None),
        (Method::DELETE, "HTTP/1.1 204 No Content\r\n\r\n", 204, None),
    ] {
        let scripted = Scripted::always(Reply::bytes(reply));
        let proxy = scripted.setup().ready();
        let client = proxy.client();
        let answer = client.call(method.clone(), "/b/k").send();
        assert_eq!(answer.head.status, status, "{method}");
        assert_eq!(answer.head.header("content-length"), length, "{method}");
        assert!(answer.body.is_empty() && answer.complete, "{method}");
    }
}

#[test]
fn an_empty_put_has_a_length_of_zero_whether_the_caller_said_so_or_not() {
    for length in [Length::Right, Length::Untold] {
        let scripted = Scripted::ok();
        let proxy = scripted.setup().ready();
        assert_ok(&proxy.client().put("/b/k", "").length(length).send());
        assert_eq!(
            scripted.origin.wait_heard(1, SOON)[0].head.header("content-length"),
            Some("0"),
            "{length:?}"
        );
    }
}

#[test]
fn a_body_without_a_length_stays_without_one() {
    let scripted = Scripted::ok();
    let proxy = scripted.setup().ready();
    let body = vec![4; 5000];
    let client = proxy.client();
    let call = client.put("/b/k", "").form(Form::Whole(None, body.clone()));
    assert_ok(&call.length(Length::Chunked).send());
    let heard = &scripted.origin.wait_heard(1, SOON)[0];
    assert_eq!(heard.head.header("transfer-encoding"), Some("chunked"));
    assert_eq!(heard.body, body);
}

#[test]
fn a_range_and_conditions_pass() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let client = proxy.client();
    assert_ok(&client.put("/bucket/k", "0123456789").send());
    let answer = client.get("/bucket/k").header("range", "bytes=2-4").send();
    assert_eq!((answer.head.status, answer.body.as_slice()), (206, b"234".as_slice()));
    let tag = client.head("/bucket/k").send().head.header("etag").unwrap().to_owned();
    let answer = client.get("/bucket/k").header("if-none-match", &tag).send();
    assert_eq!(answer.head.status, 304);
}

#[test]
fn a_slow_200_arrives_as_it_comes() {
    let pause = Duration::from_millis(300);
    let steps = vec![
        Step::Write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n".to_vec()),
        Step::Pause(pause),
        Step::Write(b"1\r\n \r\n".to_vec()),
        Step::Pause(pause),
        Step::Write(b"4\r\n<ok>\r\n0\r\n\r\n".to_vec()),
    ];
    let scripted = Scripted::always(Reply(steps));
    let proxy = scripted.setup().ready();
    let answer = proxy.client().call(Method::POST, "/b/k?uploadId=1").send();
    assert_eq!(answer.body, b"  <ok>");
    assert!(answer.complete);
}

#[test]
fn a_bucket_in_another_region_is_asked_again_by_its_name() {
    let elsewhere = Reply::answer(
        "301 Moved Permanently",
        "x-amz-bucket-region: eu-west-1\r\n",
        b"<Error><Code>PermanentRedirect</Code></Error>",
    );
    let scripted = Scripted::in_turn(vec![elsewhere.clone(), Reply::answer("200 OK", "", b"here")]);
    let proxy = scripted.setup().ready();
    assert_eq!(proxy.client().get("/b/k").send().body, b"here");
    assert_ok(&proxy.client().put("/b/large", vec![1; 200_000]).send());
    let regions: Vec<bool> = scripted
        .origin
        .wait_heard(3, SOON)
        .iter()
        .map(|heard| heard.head.header("authorization").unwrap().contains("/eu-west-1/"))
        .collect();
    assert_eq!(regions, [false, true, true]);
    let scripted = Scripted::always(elsewhere);
    let proxy = scripted.setup().ready();
    let answer = proxy.client().put("/c/large", vec![1; 200_000]).send();
    assert_eq!(answer.head.status, 301);
    assert!(answer.text().contains("PermanentRedirect"));
}
