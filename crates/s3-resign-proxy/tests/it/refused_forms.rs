// SPDX-License-Identifier: Apache-2.0
//! Forms that are out of scope get S3's own answer, and nothing of them goes upstream.

use crate::bed::Bed;
use crate::client::{Client, Form, assert_error};

/// Sends a request that the proxy refuses.
#[track_caller]
fn refused(bed: &Bed, client: &Client, request: &str, status: u16, code: &str) {
    let before = bed.store.counts().requests;
    let answer = client.raw(request.replace('\n', "\r\n").as_bytes());
    assert_error(&answer, status, code);
    assert_eq!(bed.store.counts().requests, before, "something went upstream");
}

#[test]
fn each_form_out_of_scope_has_an_error_that_names_it() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let client = proxy.client();
    let id = &client.id;
    let day = "20130524";
    let cases = [
        ("GET /bucket/k HTTP/1.1\nhost: x\n\n".to_owned(), 403, "AccessDenied"),
        (
            format!("GET /bucket/k HTTP/1.1\nhost: x\nauthorization: AWS {id}:c2lnbmF0dXJl\n\n"),
            400,
            "InvalidRequest",
        ),
        (
            format!(
                "GET /bucket/k?AWSAccessKeyId={id}&Signature=c2ln&Expires=9999999999 HTTP/1.1\nhost: x\n\n"
            ),
            400,
            "InvalidRequest",
        ),
        (
            format!(
                "GET /bucket/k HTTP/1.1\nhost: x\nx-amz-date: {day}T000000Z\nx-amz-region-set: *\nx-amz-content-sha256: UNSIGNED-PAYLOAD\nauthorization: AWS4-ECDSA-P256-SHA256 Credential={id}/{day}/s3/aws4_request, SignedHeaders=host;x-amz-date;x-amz-region-set, Signature=30\n\n"
            ),
            501,
            "NotImplemented",
        ),
        (
            format!(
                "GET /bucket--usw2-az1--x-s3/k HTTP/1.1\nhost: x\nx-amz-date: {day}T000000Z\nx-amz-content-sha256: UNSIGNED-PAYLOAD\nauthorization: AWS4-HMAC-SHA256 Credential={id}/{day}/us-west-2/s3express/aws4_request, SignedHeaders=host;x-amz-date, Signature=30\n\n"
            ),
            501,
            "NotImplemented",
        ),
        (
            "POST /bucket HTTP/1.1\nhost: x\ncontent-type: multipart/form-data; boundary=b\ncontent-length: 5\n\nhello"
                .to_owned(),
            501,
            "NotImplemented",
        ),
        (
            format!("GET /bucket/k HTTP/1.1\nhost: x\nauthorization: AWS4-HMAC-SHA256 Credential={id}\n\n"),
            400,
            "AuthorizationHeaderMalformed",
        ),
        (
            format!("GET /bucket/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={id} HTTP/1.1\nhost: x\n\n"),
            400,
            "AuthorizationQueryParametersError",
        ),
        ("PATCH /bucket/k HTTP/1.1\nhost: x\n\n".to_owned(), 405, "MethodNotAllowed"),
    ];
    for (request, status, code) in cases {
        refused(&bed, &client, &request, status, code);
    }
}

#[test]
fn sigv4a_chunks_under_a_sigv4_signature_are_refused_too() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let client = proxy.client();
    for literal in [
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
    ] {
        let form = Form::Whole(Some(literal), b"0;chunk-signature=00\r\n\r\n".to_vec());
        let put = client.put("/bucket/k", b"").header("x-amz-decoded-content-length", "0");
        assert_error(&put.form(form).send(), 501, "NotImplemented");
    }
    assert_eq!(bed.store.counts().requests, 0);
}

#[test]
fn a_payload_literal_that_s3_does_not_know_is_refused() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let client = proxy.client();
    let form = Form::Whole(Some("STREAMING-SOMETHING-NEW"), b"x".to_vec());
    assert_error(&client.put("/bucket/k", b"").form(form).send(), 400, "InvalidArgument");
    assert_eq!(bed.store.counts().requests, 0);
}

#[test]
fn a_refused_head_has_no_body() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let answer = proxy.client().raw(b"HEAD /bucket/k HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!((answer.head.status, answer.body.len()), (403, 0));
    assert!(answer.head.header("x-amz-request-id").is_some());
}
