// SPDX-License-Identifier: Apache-2.0
//! Every form of body that S3 clients send arrives as a request that the store accepts.

use http::Method;

use crate::bed::Bed;
use crate::client::{Client, Form, Length, assert_ok, sha256_base64, sha256_hex};
use crate::proxy::{Proxy, Setup};

/// Three chunks, the last one short, larger together than any body that is held in memory.
fn chunks() -> Vec<Vec<u8>> {
    let chunk = |seed: u8, size: usize| (0..size).map(|at| seed ^ (at % 251) as u8).collect();
    vec![chunk(1, 65_536), chunk(2, 65_536), chunk(3, 777)]
}

fn decoded() -> Vec<u8> {
    chunks().concat()
}

fn trailer() -> (&'static str, String) {
    ("x-amz-checksum-sha256", sha256_base64(&decoded()))
}

/// Puts, gets back the same bytes, and returns the literal, length and framing the store saw.
#[track_caller]
fn put_and_get(bed: &Bed, client: &Client, form: Form, length: Length) -> (String, u64) {
    let put = client.put("/bucket/form", b"").header("content-encoding", "gzip,aws-chunked");
    assert_ok(&put.form(form).length(length).send());
    let got = client.get("/bucket/form").send();
    assert_eq!(got.body, decoded());
    let seen = bed.seen("/bucket/form");
    let put = seen.iter().find(|seen| seen.method == Method::PUT).unwrap();
    (put.content_sha256().unwrap().to_owned(), put.body_bytes)
}

fn ready(setup: Setup) -> (Proxy, Client) {
    let proxy = setup.ready();
    let client = proxy.client();
    (proxy, client)
}

#[test]
fn a_plain_hash_passes_untouched_and_the_store_still_checks_it() {
    let bed = Bed::new();
    let (_proxy, client) = ready(bed.setup());
    assert_ok(&client.put("/bucket/hash", decoded()).send());
    let seen = bed.seen("/bucket/hash");
    assert_eq!(seen[0].content_sha256(), Some(sha256_hex(&decoded()).as_str()));
    let flipped = client.put("/bucket/flipped", decoded()).damage(|body| body[70_000] ^= 1);
    assert_eq!(crate::client::code(&flipped.send()), "XAmzContentSHA256Mismatch");
    assert_eq!(client.get("/bucket/flipped").send().head.status, 404);
}

#[test]
fn an_unsigned_payload_passes_as_one() {
    let bed = Bed::new();
    let (_proxy, client) = ready(bed.setup());
    let form = Form::Whole(Some("UNSIGNED-PAYLOAD"), decoded());
    let (literal, bytes) = put_and_get(&bed, &client, form, Length::Right);
    assert_eq!((literal.as_str(), bytes), ("UNSIGNED-PAYLOAD", decoded().len() as u64));
}

#[test]
fn signed_chunks_arrive_decoded_over_tls() {
    let bed = Bed::new();
    let (_proxy, client) = ready(bed.setup());
    let (literal, bytes) = put_and_get(&bed, &client, Form::Signed(chunks()), Length::Right);
    assert_eq!((literal.as_str(), bytes), ("UNSIGNED-PAYLOAD", decoded().len() as u64));
    let seen = &bed.seen("/bucket/form")[0];
    assert_eq!(seen.header("content-encoding"), Some("gzip"));
    for name in ["x-amz-decoded-content-length", "x-amz-trailer", "transfer-encoding"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}

#[test]
fn signed_chunks_without_a_length_arrive_with_one() {
    let bed = Bed::new();
    let (_proxy, client) = ready(bed.setup());
    let (_, bytes) = put_and_get(&bed, &client, Form::Signed(chunks()), Length::Chunked);
    let seen = &bed.seen("/bucket/form")[0];
    let length = decoded().len().to_string();
    assert_eq!(
        (seen.header("content-length"), bytes),
        (Some(length.as_str()), decoded().len() as u64)
    );
    assert_eq!(seen.header("transfer-encoding"), None);
}

#[test]
fn preserved_chunks_are_signed_anew_one_by_one() {
    let bed = Bed::new();
    let (_proxy, client) = ready(bed.setup().args(["--payload", "preserve"]));
    let (literal, bytes) = put_and_get(&bed, &client, Form::Signed(chunks()), Length::Right);
    assert_eq!(literal, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    assert!(bytes > decoded().len() as u64);
    let seen = &bed.seen("/bucket/form")[0];
    assert_eq!(seen.header("content-encoding"), Some("gzip,aws-chunked"));
    assert_eq!(seen.header("content-length"), Some(bytes.to_string().as_str()));
}

#[test]
fn without_tls_upstream_chunks_stay_signed() {
    let bed = Bed::new();
    let (_proxy, client) = ready(bed.plain_setup());
    let (literal, _) = put_and_get(&bed, &client, Form::Signed(chunks()), Length::Chunked);
    assert_eq!(literal, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
}

#[test]
fn a_signed_trailer_arrives_unsigned_over_tls_and_the_store_checks_its_digest() {
    let bed = Bed::new();
    let (_proxy, client) = ready(bed.setup());
    let form = Form::SignedTrailer(chunks(), trailer());
    let (literal, bytes) = put_and_get(&bed, &client, form, Length::Right);
    assert_eq!(literal, "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    let seen = &bed.seen("/bucket/form")[0];
    assert_eq!(seen.header("content-length"), Some(bytes.to_string().as_str()));
    assert_eq!(seen.header("x-amz-trailer"), Some("x-amz-checksum-sha256"));
    let wrong = ("x-amz-checksum-sha256", sha256_base64(b"other"));
    let refused =
        client.put("/bucket/wrong", b"").form(Form::SignedTrailer(chunks(), wrong)).send();
    assert_eq!(refused.head.status, 400, "{}", refused.text());
    assert_eq!(client.get("/bucket/wrong").send().head.status, 404);
}

#[test]
fn a_preserved_signed_trailer_is_signed_anew() {
    let bed = Bed::new();
    let (_proxy, client) = ready(bed.setup().args(["--payload", "preserve"]));
    let form = Form::SignedTrailer(chunks(), trailer());
    let (literal, _) = put_and_get(&bed, &client, form, Length::Chunked);
    assert_eq!(literal, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER");
}

#[test]
fn an_unsigned_trailer_passes_byte_for_byte_with_a_length_and_without() {
    let bed = Bed::new();
    let (_proxy, client) = ready(bed.setup());
    let form = Form::UnsignedTrailer(chunks(), trailer());
    let (_, wire) = client.put("/bucket/form", b"").form(form.clone()).parts();
    for length in [Length::Right, Length::Chunked] {
        bed.store.reset_counts();
        let (literal, bytes) = put_and_get(&bed, &client, form.clone(), length);
        assert_eq!(literal, "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        assert_eq!(bytes, wire.len() as u64, "{length:?}");
        let seen = &bed.seen("/bucket/form")[0];
        let framed = seen.header("transfer-encoding").is_some();
        assert_eq!(framed, length == Length::Chunked);
    }
}

#[test]
fn a_presigned_put_and_get_need_no_header_of_signature() {
    let bed = Bed::new();
    let (_proxy, client) = ready(bed.setup());
    let target = client.presigned(&Method::PUT, "/bucket/pre%20signed?x-id=PutObject");
    let body = decoded();
    let head = format!(
        "PUT {target} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n\r\n",
        client.host,
        body.len()
    );
    assert_ok(&client.raw(&[head.into_bytes(), body.clone()].concat()));
    let target = client.presigned(&Method::GET, "/bucket/pre%20signed");
    let head = format!("GET {target} HTTP/1.1\r\nhost: {}\r\n\r\n", client.host);
    assert_eq!(client.raw(head.as_bytes()).body, body);
    let seen = bed.store.log();
    assert_eq!(seen[0].target, "/bucket/pre%20signed?x-id=PutObject");
    assert!(seen.iter().all(|seen| !seen.target.contains("X-Amz-")));
}
