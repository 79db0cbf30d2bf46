// SPDX-License-Identifier: Apache-2.0
//! A body that is wrong in any way never becomes an object.

use crate::bed::Bed;
use crate::client::{Form, Length, assert_error, assert_ok, code, sha256_base64};

/// Larger than what the proxy holds back to send again: these stream.
fn chunks() -> Vec<Vec<u8>> {
    (0..4)
        .map(|at| vec![at; 64 * 1024])
        .chain([vec![9; 1000], Vec::new()])
        .filter(|c| !c.is_empty())
        .collect()
}

fn assert_not_stored(bed: &Bed, key: &str) {
    let stored =
        bed.seen(key).iter().any(|seen| seen.status.is_some_and(|status| status.is_success()));
    assert!(!stored, "{key} was stored");
}

fn flip_last_data_byte(body: &mut [u8]) {
    // The last chunk's frame ends 86 bytes before the end, its data 2 bytes earlier.
    let at = body.len() - 86 - 3;
    body[at] ^= 1;
}

#[test]
fn a_changed_chunk_never_becomes_an_object() {
    let bed = Bed::new();
    for (payload, key) in [("auto", "/bucket/flip-auto"), ("preserve", "/bucket/flip-preserve")] {
        let proxy = bed.setup().args(["--payload", payload]).ready();
        let client = proxy.client();
        let call = client.put(key, "").form(Form::Signed(chunks()));
        assert_error(
            &call.damage(|body| flip_last_data_byte(body)).send(),
            403,
            "SignatureDoesNotMatch",
        );
        assert_not_stored(&bed, key);
    }
}

#[test]
fn a_small_changed_chunk_is_refused_before_anything_is_sent() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let client = proxy.client();
    let call = client.put("/bucket/small", "").form(Form::Signed(vec![b"hello".to_vec()]));
    assert_error(
        &call.damage(|body| flip_last_data_byte(body)).send(),
        403,
        "SignatureDoesNotMatch",
    );
    assert!(bed.seen("/bucket/small").is_empty());
}

#[test]
fn under_a_signed_digest_the_store_itself_refuses_a_changed_chunk() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let whole: Vec<u8> = chunks().concat();
    let client = proxy.client();
    let call = client.put("/bucket/digest", "").form(Form::Signed(chunks()));
    let call = call.header("x-amz-checksum-sha256", sha256_base64(&whole));
    let answer = call.damage(|body| flip_last_data_byte(body)).send();
    assert_eq!(answer.head.status, 400, "{}", answer.text());
    assert_not_stored(&bed, "/bucket/digest");
    let client = proxy.client();
    let call = client.put("/bucket/digest", "").form(Form::Signed(chunks()));
    assert_ok(&call.header("x-amz-checksum-sha256", sha256_base64(&whole)).send());
}

#[test]
fn wrong_ends_and_lengths_never_become_objects() {
    type Damage = fn(&mut Vec<u8>);
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let wrong: [(&str, Damage, &str); 5] = [
        ("truncated", |body| body.truncate(body.len() - 86), "IncompleteBody"),
        ("half-a-frame", |body| body.truncate(body.len() - 40), "IncompleteBody"),
        ("more-behind", |body| body.extend_from_slice(b"x"), "IncompleteBody"),
        ("garbage", |body| body[..4].copy_from_slice(b"zzzz"), "InvalidRequest"),
        (
            "a-line-without-end",
            |body| body.splice(..4, [b'1'; 9000]).for_each(drop),
            "InvalidRequest",
        ),
    ];
    for (name, damage, expected) in wrong {
        for form in [
            Form::Signed(chunks()),
            Form::UnsignedTrailer(
                chunks(),
                ("x-amz-checksum-sha256", sha256_base64(&chunks().concat())),
            ),
        ] {
            let key = format!("/bucket/{name}-{}", matches!(form, Form::Signed(_)));
            let answer = proxy.client().put(&key, "").form(form).damage(damage).send();
            let is_refused = answer.head.status == 400 || answer.head.status == 403;
            assert!(is_refused, "{name}: {} {}", answer.head.status, answer.text());
            if matches!(name, "garbage" | "more-behind") {
                assert_eq!(code(&answer), expected, "{name}");
            }
            assert_not_stored(&bed, &key);
        }
    }
}

#[test]
fn a_decoded_length_that_is_not_true_never_completes() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    for declared in ["1", "263143", "263145", "9999999"] {
        let key = format!("/bucket/declared-{declared}");
        let client = proxy.client();
        let call = client.put(&key, "").form(Form::Signed(chunks()));
        let answer = call.header("x-amz-decoded-content-length", declared).send();
        assert_error(&answer, 400, "IncompleteBody");
        assert_not_stored(&bed, &key);
    }
}

#[test]
fn a_put_that_its_caller_cuts_stores_nothing() {
    use std::io::Write;
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let client = proxy.client();
    for (key, form) in [
        ("/bucket/cut-plain", Form::Whole(None, vec![1; 400_000])),
        ("/bucket/cut-chunks", Form::Signed(chunks())),
    ] {
        let (head, body) = client.put(key, "").form(form).parts();
        let mut stream = std::net::TcpStream::connect(proxy.addr()).unwrap();
        stream.write_all(&head).unwrap();
        stream.write_all(&body[..body.len() / 2]).unwrap();
        drop(stream);
    }
    // The next request is answered by the same process, so both cuts were met before or beside it.
    assert_ok(&client.put("/bucket/after", "x").send());
    assert_eq!(client.get("/bucket/cut-plain").send().head.status, 404);
    assert_eq!(client.get("/bucket/cut-chunks").send().head.status, 404);
}

#[test]
fn an_empty_framed_body_becomes_an_empty_object() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    for (key, length) in [("/bucket/empty", Length::Right), ("/bucket/empty-te", Length::Chunked)] {
        assert_ok(
            &proxy.client().put(key, "").form(Form::Signed(Vec::new())).length(length).send(),
        );
        let seen = bed.seen(key);
        assert_eq!(seen[0].header("content-length"), Some("0"));
        let answer = proxy.client().head(key).send();
        assert_eq!(answer.head.header("content-length"), Some("0"));
    }
}
