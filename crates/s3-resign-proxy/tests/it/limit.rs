// SPDX-License-Identifier: Apache-2.0
//! Limits cut the credential's power down, in every request that could get around them.

use http::Method;

use crate::bed::Bed;
use crate::client::{Form, assert_error, assert_ok};

#[test]
fn read_only_refuses_every_change() {
    let bed = Bed::new();
    let writer = bed.setup().ready();
    assert_ok(&writer.client().put("/bucket/k", "x").send());
    let proxy = bed.setup().args(["--mode", "read-only"]).ready();
    let client = proxy.client();
    assert_ok(&client.get("/bucket/k").send());
    assert_ok(&client.head("/bucket/k").send());
    assert_ok(&client.get("/bucket?list-type=2").send());
    for (method, target) in [
        (Method::PUT, "/bucket/k"),
        (Method::DELETE, "/bucket/k"),
        (Method::POST, "/bucket/k?uploads"),
        (Method::POST, "/bucket?delete"),
        (Method::PUT, "/other"),
    ] {
        assert_error(&client.call(method, target).send(), 403, "AccessDenied");
    }
    let url = client.presigned(&Method::PUT, "/bucket/k");
    let request =
        format!("PUT {url} HTTP/1.1\r\nHost: {}\r\nContent-Length: 1\r\n\r\nx", client.host);
    assert_error(&client.raw(request.as_bytes()), 403, "AccessDenied");
}

#[test]
fn a_prefix_holds_in_listings_uploads_copies_and_multi_deletes() {
    let bed = Bed::new();
    let free = bed.setup().ready();
    assert_ok(&free.client().put("/bucket/secret/k", "secret").send());
    let proxy = bed.setup().args(["--bucket", "bucket", "--prefix", "mine/"]).ready();
    let client = proxy.client();
    assert_ok(&client.put("/bucket/mine/k", "x").send());
    assert_ok(&client.get("/bucket?list-type=2&prefix=mine%2F").send());
    for target in [
        "/bucket/secret/k",
        "/bucket/mine/../secret/k",
        "/bucket/mine/%2e%2e/secret/k",
        "/bucket?list-type=2",
        "/bucket?list-type=2&prefix=secret%2F",
        "/bucket?uploads",
        "/",
        "/other/mine/k",
    ] {
        assert_error(&client.get(target).send(), 403, "AccessDenied");
    }
    let start = client.call(Method::POST, "/bucket/secret/k?uploads").send();
    assert_error(&start, 403, "AccessDenied");
    let copy = client.put("/bucket/mine/copy", "").header("x-amz-copy-source", "/bucket/secret/k");
    assert_error(&copy.send(), 403, "AccessDenied");
    let copy = client.put("/bucket/mine/copy", "").header("x-amz-copy-source", "/bucket/mine/k");
    assert_ok(&copy.send());
}

#[test]
fn a_multi_delete_with_one_foreign_key_deletes_nothing() {
    let bed = Bed::new();
    let free = bed.setup().ready();
    for key in ["mine/a", "mine/b", "secret/k"] {
        assert_ok(&free.client().put(format!("/bucket/{key}"), "x").send());
    }
    let proxy = bed.setup().args(["--prefix", "mine/"]).ready();
    let delete = |keys: &[&str]| {
        let objects: String =
            keys.iter().map(|key| format!("<Object><Key>{key}</Key></Object>")).collect();
        let body = format!("<Delete>{objects}</Delete>").into_bytes();
        let md5 = crate::client::sha256_base64(&body);
        let client = proxy.client();
        let call = client.call(Method::POST, "/bucket?delete").form(Form::Whole(None, body));
        call.header("x-amz-checksum-sha256", md5).send()
    };
    assert_error(&delete(&["mine/a", "secret/k"]), 403, "AccessDenied");
    assert_ok(&free.client().get("/bucket/mine/a").send());
    assert_ok(&delete(&["mine/a"]));
    assert_eq!(free.client().get("/bucket/mine/a").send().head.status, 404);
    assert_ok(&free.client().get("/bucket/secret/k").send());
}

#[test]
fn the_document_hands_credentials_to_the_bearer_of_the_token_alone() {
    let bed = Bed::new();
    let proxy = bed.setup().args(["--serve-credentials"]).ready();
    let env = proxy.env_file();
    let client = proxy.client_with("x", "x");
    let ask = |token: &str| {
        let path = "/.pilotfish/credentials";
        client.raw(
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n\r\n")
                .as_bytes(),
        )
    };
    assert_eq!(ask("guess").head.status, 401);
    let answer = ask(&env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]);
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(document["AccessKeyId"].is_string() && document["Expiration"].is_string());
    assert!(env["AWS_CONTAINER_CREDENTIALS_FULL_URI"].ends_with("/.pilotfish/credentials"));
}
