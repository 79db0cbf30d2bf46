// SPDX-License-Identifier: Apache-2.0
//! The store verifies what S3 verifies, and refuses as S3 refuses.

use std::time::Duration;

use jiff::SignedDuration;
use testbed::{Ca, EarlyRevocation, Skew, StaticPair, Store, StoreConfig, wait_until};

use crate::client::{Client, Keys, Payload, Request, Spoil, encode, get, put, request};

pub(crate) const LONG: Duration = Duration::from_secs(10);

pub(crate) struct Bed {
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) dir: tempfile::TempDir,
}

impl Bed {
    pub(crate) fn new() -> Bed {
        Bed::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut StoreConfig<'_>)) -> Bed {
        let dir = tempfile::tempdir().unwrap();
        let pair = StaticPair::random();
        let mut config = StoreConfig::new(dir.path());
        config.static_pairs = vec![pair.clone()];
        change(&mut config);
        let store = Store::start(config).unwrap();
        Bed { store, keys: Keys::from(&pair), dir }
    }

    pub(crate) fn client(&self) -> Client {
        Client::plain(self.store.http_addr())
    }

    /// Status and S3 code of one request.
    pub(crate) fn ask(&self, request: &Request) -> (u16, String) {
        self.ask_as(request, &self.keys)
    }

    pub(crate) fn ask_as(&self, request: &Request, keys: &Keys) -> (u16, String) {
        let response = self.client().send(request, keys);
        (response.head.status, code(&response.text()))
    }
}

pub(crate) fn code(text: &str) -> String {
    let rest = text.split_once("<Code>").map_or("", |(_, rest)| rest);
    rest.split_once("</Code>").map_or("", |(code, _)| code).to_owned()
}

fn said(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn every_form_of_payload_is_stored_as_it_was_meant() {
    let bed = Bed::new();
    let body: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    let forms = [
        ("hash", Payload::Hash),
        ("unsigned", Payload::Unsigned),
        ("chunks", Payload::SignedChunks),
        ("signed-trailer", Payload::SignedTrailer),
        ("unsigned-trailer", Payload::UnsignedTrailer),
    ];
    let mut client = bed.client();
    for (name, form) in forms {
        let path = format!("/bucket/{name}");
        for body in [body.clone(), Vec::new()] {
            let sent = client.send(&put(&path, body.clone()).payload(form), &bed.keys);
            assert_eq!(sent.head.status, 200, "{name}: {}", sent.text());
            let back = client.send(&get(&path), &bed.keys);
            assert_eq!(back.head.status, 200, "{name}");
            assert_eq!(back.body, body, "{name}");
            assert_eq!(back.head.header("content-encoding"), None, "{name}");
        }
    }
}

#[test]
fn a_trailer_may_come_with_transfer_encoding_instead_of_a_length() {
    let bed = Bed::new();
    for form in [Payload::SignedChunks, Payload::SignedTrailer, Payload::UnsignedTrailer] {
        let request = put("/bucket/k", vec![7; 150_000]).payload(form).chunked();
        assert_eq!(bed.ask(&request), said(200, ""));
    }
    let unsigned = put("/bucket/k", "x").payload(Payload::Unsigned).chunked();
    assert_eq!(bed.ask(&unsigned), said(411, "MissingContentLength"));
}

#[test]
fn a_spoilt_body_is_refused_and_leaves_no_object() {
    let bed = Bed::new();
    let cases = [
        (Payload::SignedChunks, Spoil::Data, said(403, "SignatureDoesNotMatch")),
        (Payload::SignedChunks, Spoil::LastChunk, said(400, "IncompleteBody")),
        (Payload::SignedChunks, Spoil::Short, said(400, "IncompleteBody")),
        (Payload::SignedTrailer, Spoil::Data, said(403, "SignatureDoesNotMatch")),
        (Payload::SignedTrailer, Spoil::Trailer, said(400, "MalformedTrailerError")),
        (Payload::UnsignedTrailer, Spoil::Data, said(400, "BadDigest")),
        (Payload::UnsignedTrailer, Spoil::Trailer, said(400, "MalformedTrailerError")),
        (Payload::UnsignedTrailer, Spoil::Short, said(400, "IncompleteBody")),
    ];
    for (payload, spoil, expected) in cases {
        let request = put("/bucket/k", vec![7; 150_000]).payload(payload).spoil(spoil);
        assert_eq!(bed.ask(&request), expected);
        assert_eq!(bed.ask(&get("/bucket/k")), said(404, "NoSuchKey"));
    }
    let wrong = put("/bucket/k", "data").header("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    assert_eq!(bed.ask(&wrong), said(400, "BadDigest"));
    let wrong = put("/bucket/k", "data").header("x-amz-checksum-crc32", "AAAAAA==");
    assert_eq!(bed.ask(&wrong), said(400, "BadDigest"));
    assert_eq!(bed.ask(&get("/bucket/k")), said(404, "NoSuchKey"));
    let files = std::fs::read_dir(bed.dir.path()).unwrap().count();
    assert_eq!(files, 0, "no file is left behind");
}

#[test]
fn a_body_that_belies_its_hash_is_refused() {
    let bed = Bed::new();
    let mut client = bed.client();
    let mut bytes = put("/bucket/k", "abcdef").signed(&bed.keys, &client.host);
    *bytes.last_mut().unwrap() ^= 1;
    let response = client.raw(&bytes, "PUT").unwrap();
    assert_eq!(response.head.status, 400);
    assert_eq!(code(&response.text()), "XAmzContentSHA256Mismatch");
    assert_eq!(bed.ask(&get("/bucket/k")), said(404, "NoSuchKey"));
}

#[test]
fn a_put_that_is_cut_half_way_stores_nothing() {
    let bed = Bed::new();
    let client = bed.client();
    let bytes = put("/bucket/k", vec![1; 100_000]).signed(&bed.keys, &client.host);
    let mut socket = std::net::TcpStream::connect(bed.store.http_addr()).unwrap();
    std::io::Write::write_all(&mut socket, &bytes[..50_000]).unwrap();
    drop(socket);
    let seen = || bed.store.log().iter().any(|seen| seen.method == "PUT");
    wait_until(LONG, "the cut request is in the log", seen).unwrap();
    assert!(!bed.store.log()[0].is_ok_data());
    assert_eq!(bed.ask(&get("/bucket/k")), said(404, "NoSuchKey"));
}

#[test]
fn a_temporary_key_needs_its_own_token() {
    let bed = Bed::new();
    let one = Keys::from(&bed.store.issue(LONG));
    let two = Keys::from(&bed.store.issue(LONG));
    assert_eq!(bed.ask_as(&put("/bucket/k", "x"), &one), said(200, ""));
    let none = Keys { token: None, ..one.clone() };
    assert_eq!(bed.ask_as(&get("/bucket/k"), &none), said(400, "InvalidToken"));
    let other = Keys { token: two.token.clone(), ..one.clone() };
    assert_eq!(bed.ask_as(&get("/bucket/k"), &other), said(400, "InvalidToken"));
    let fixed = Keys { token: two.token, ..bed.keys.clone() };
    assert_eq!(bed.ask_as(&get("/bucket/k"), &fixed), said(400, "InvalidToken"));
    let wrong = Keys { secret: "wrong".to_owned(), ..one.clone() };
    assert_eq!(bed.ask_as(&get("/bucket/k"), &wrong), said(403, "SignatureDoesNotMatch"));
    let nobody = Keys { id: "ASIANOBODY".to_owned(), ..one };
    assert_eq!(bed.ask_as(&get("/bucket/k"), &nobody), said(403, "InvalidAccessKeyId"));
}

#[test]
fn a_set_is_honoured_for_its_seconds_and_not_longer() {
    let bed = Bed::new();
    let issued = bed.store.issue(Duration::from_millis(400));
    let keys = Keys::from(&issued);
    assert_eq!(bed.ask_as(&put("/bucket/k", "x"), &keys), said(200, ""));
    let over = || jiff::Timestamp::now() > issued.expires;
    wait_until(LONG, "its time is over", over).unwrap();
    let response = bed.client().send(&get("/bucket/k"), &keys);
    assert_eq!(response.head.status, 400);
    assert_eq!(code(&response.text()), "ExpiredToken");
    assert!(response.text().contains("<Message>The provided token has expired.</Message>"));
    let head = bed.client().send(&request("HEAD", "/bucket/k"), &keys);
    assert_eq!((head.head.status, head.body.len()), (400, 0));
    assert_eq!(bed.store.counts().expired_answers, 2, "a HEAD's refusal is counted by its code");
}

#[test]
fn a_revoked_set_and_one_that_dies_early_are_answered_as_expired() {
    let early = EarlyRevocation::Every { nth: 2, early: LONG };
    let bed = Bed::with(|config| config.early_revocation = early);
    let (one, two) = (bed.store.issue(LONG), bed.store.issue(LONG));
    assert_eq!(bed.ask_as(&put("/bucket/k", "x"), &Keys::from(&one)), said(200, ""));
    assert_eq!(bed.ask_as(&get("/bucket/k"), &Keys::from(&two)), said(400, "ExpiredToken"));
    assert!(bed.store.revoke(&one.access_key_id));
    assert_eq!(bed.ask_as(&get("/bucket/k"), &Keys::from(&one)), said(400, "ExpiredToken"));
}

#[test]
fn an_amz_header_that_was_not_signed_is_refused() {
    let bed = Bed::new();
    let request = put("/bucket/k", "x").unsigned_header("x-amz-meta-a", "1");
    assert_eq!(bed.ask(&request), said(403, "AccessDenied"));
    assert_eq!(bed.ask(&put("/bucket/k", "x").header("x-amz-meta-a", "1")), said(200, ""));
}

#[test]
fn anonymous_requests_are_denied() {
    let bed = Bed::new();
    let mut client = bed.client();
    let bytes = format!("GET /bucket/k HTTP/1.1\r\nHost: {}\r\n\r\n", client.host);
    let response = client.raw(bytes.as_bytes(), "GET").unwrap();
    assert_eq!((response.head.status, code(&response.text())), said(403, "AccessDenied"));
}

#[test]
fn a_body_that_waits_for_100_is_asked_for_only_where_it_is_wanted() {
    let bed = Bed::new();
    let request = put("/bucket/k", "x").unsigned_header("Expect", "100-continue");
    let sent = bed.client().send(&request, &bed.keys);
    assert_eq!((sent.head.status, sent.informational.len()), (200, 1));
    let wrong = Keys { secret: "wrong".to_owned(), ..bed.keys.clone() };
    let refused = bed.client().send(&request, &wrong);
    assert_eq!((refused.head.status, refused.informational.len()), (403, 0));
}

#[test]
fn a_refusal_reaches_a_sender_that_is_still_sending() {
    let bed = Bed::new();
    let wrong = Keys { secret: "wrong".to_owned(), ..bed.keys.clone() };
    let mut client = bed.client();
    for _ in 0..3 {
        let refused = client.send(&put("/bucket/k", vec![0; 20_000_000]), &wrong);
        assert_eq!(code(&refused.text()), "SignatureDoesNotMatch");
    }
    assert_eq!(client.send(&get("/bucket/k"), &bed.keys).head.status, 404, "still connected");
}

#[test]
fn a_presigned_request_is_judged_like_a_signed_one() {
    let bed = Bed::new();
    let issued = bed.store.issue(LONG);
    let keys = Keys::from(&issued);
    let mut client = bed.client();
    let sent = put("/bucket/k", "hello").presigned(&keys, &client.host, 60);
    assert_eq!(client.raw(&sent, "PUT").unwrap().head.status, 200);
    let asked = get("/bucket/k").presigned(&keys, &client.host, 60);
    assert_eq!(client.raw(&asked, "GET").unwrap().body, b"hello");
    let late = get("/bucket/k").clock(SignedDuration::from_secs(-61));
    let late = client.raw(&late.presigned(&keys, &client.host, 60), "GET").unwrap();
    assert_eq!((late.head.status, code(&late.text())), said(403, "AccessDenied"));
    let none = Keys { token: None, ..keys.clone() };
    let none = client.raw(&get("/bucket/k").presigned(&none, &client.host, 60), "GET").unwrap();
    assert_eq!((none.head.status, code(&none.text())), said(400, "InvalidToken"));
    bed.store.revoke(&issued.access_key_id);
    let dead = client.raw(&asked, "GET").unwrap();
    assert_eq!((dead.head.status, code(&dead.text())), said(400, "ExpiredToken"));
    assert!(bed.store.log().iter().all(|seen| seen.access_key.as_deref() == Some(&keys.id)));
}

#[test]
fn keys_are_exact_whatever_their_bytes() {
    let bed = Bed::new();
    let mut client = bed.client();
    let keys = [
        "plain",
        "a//b",
        "//",
        "/lead",
        "a/../b",
        "..",
        ".",
        "a/./b",
        "trail/",
        "a",
        "a/b",
        "with space",
        "plus+sign",
        "per%cent",
        "q?m#h&a=b",
        "ünï/日本/🐟",
        "tilde~star*('!')",
        "tab\tnl\n",
        "colon:at@semi;comma,dollar$",
        "[brackets]{braces}|^`\\\"<>",
    ];
    for (number, key) in keys.iter().enumerate() {
        let path = format!("/bucket/{}", encode(key.as_bytes(), false));
        let sent = client.send(&put(&path, number.to_string()), &bed.keys);
        assert_eq!(sent.head.status, 200, "{key:?}: {}", sent.text());
    }
    for (number, key) in keys.iter().enumerate() {
        // Lower-case escapes, and escapes that nobody needs, name the same key.
        let odd: String = key.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for path in [encode(key.as_bytes(), false), odd.replace("%2f", "/")] {
            let back = client.send(&get(&format!("/bucket/{path}")), &bed.keys);
            assert_eq!(back.body, number.to_string().as_bytes(), "{key:?} as {path}");
        }
    }
    let list = client.send(&get("/bucket").query("list-type=2&encoding-type=url"), &bed.keys);
    for key in keys {
        let entry = format!("<Key>{}</Key>", encode(key.as_bytes(), false));
        assert!(list.text().contains(&entry), "{entry} is listed in {}", list.text());
    }
    let not_utf8 = client.send(&get("/bucket/%FF"), &bed.keys);
    assert_eq!((not_utf8.head.status, code(&not_utf8.text())), said(400, "InvalidURI"));
}

#[test]
fn metadata_comes_back_and_duplicate_headers_are_refused_by_name() {
    let bed = Bed::new();
    let mut client = bed.client();
    let request = put("/bucket/k", "x")
        .header("x-amz-meta-plain", "one  two")
        .header("x-amz-meta-utf8", "zoë".as_bytes())
        .header("Content-Type", "application/x-kopia")
        .header("Cache-Control", "no-store");
    assert_eq!(client.send(&request, &bed.keys).head.status, 200);
    let head = client.send(&request_head("/bucket/k"), &bed.keys).head;
    assert_eq!(head.header("x-amz-meta-plain"), Some("one  two"));
    assert_eq!(head.header("x-amz-meta-utf8"), Some("=?UTF-8?B?em/Dqw==?="));
    assert_eq!(head.header("content-type"), Some("application/x-kopia"));
    assert_eq!(head.header("cache-control"), Some("no-store"));
    assert_eq!(head.header("content-length"), Some("1"));
    let twice = put("/bucket/k", "x").header("x-amz-meta-a", "1").header("x-amz-meta-a", "2");
    assert_eq!(bed.ask(&twice).0, 400, "s3s takes one value per name");
}

fn request_head(path: &str) -> Request {
    request("HEAD", path)
}

#[test]
fn ranges_and_conditions_are_answered_as_in_http() {
    let bed = Bed::new();
    let mut client = bed.client();
    let body: Vec<u8> = (0..300_000u32).map(|n| (n % 253) as u8).collect();
    let etag = client.send(&put("/bucket/k", body.clone()), &bed.keys).head;
    let etag = etag.header("etag").unwrap().to_owned();
    for (range, expected) in [
        ("bytes=10-19", 10..20),
        ("bytes=299990-", 299_990..300_000),
        ("bytes=-7", 299_993..300_000),
    ] {
        let part = client.send(&get("/bucket/k").header("Range", range), &bed.keys);
        assert_eq!((part.head.status, part.body.as_slice()), (206, &body[expected]), "{range}");
    }
    let beyond = get("/bucket/k").header("Range", "bytes=300000-");
    assert_eq!(bed.ask(&beyond), said(416, "InvalidRange"));
    let same = client.send(&get("/bucket/k").header("If-None-Match", &etag), &bed.keys);
    assert_eq!((same.head.status, same.body.len()), (304, 0));
    assert_eq!(same.head.header("etag"), Some(etag.as_str()));
    let other = get("/bucket/k").header("If-Match", "\"00\"");
    assert_eq!(bed.ask(&other), said(412, "PreconditionFailed"));
    let create_only = put("/bucket/k", "x").header("If-None-Match", "*");
    assert_eq!(bed.ask(&create_only), said(412, "PreconditionFailed"));
    assert_eq!(bed.ask(&request("DELETE", "/bucket/k")), said(204, ""));
    assert_eq!(bed.ask(&create_only), said(200, ""));
    assert_eq!(bed.store.counts().failed, 0, "these are answers, not failures");
}

#[test]
fn the_clock_can_be_wrong_and_the_verdict_follows_it() {
    let bed = Bed::new();
    let hour = SignedDuration::from_hours(1);
    assert_eq!(bed.ask(&get("/bucket/k").clock(hour)), said(403, "RequestTimeTooSkewed"));
    bed.store.set_skew(Skew::Ahead(Duration::from_secs(3600)));
    let refused = bed.client().send(&get("/bucket/k"), &bed.keys);
    assert_eq!(code(&refused.text()), "RequestTimeTooSkewed");
    let date = refused.head.header("date").unwrap();
    let theirs = jiff::fmt::rfc2822::parse(&date.replace("GMT", "+0000")).unwrap().timestamp();
    let ahead = theirs.duration_since(jiff::Timestamp::now());
    assert!((3590..=3600).contains(&ahead.as_secs()), "{ahead}");
    assert_eq!(bed.ask(&get("/bucket/k").clock(hour)), said(404, "NoSuchKey"));
}

#[test]
fn a_wrong_region_is_told_the_right_one() {
    let bed = Bed::with(|config| config.region = Some("eu-west-9".to_owned()));
    let response = bed.client().send(&get("/bucket/k"), &bed.keys);
    assert_eq!(response.head.status, 400);
    assert_eq!(code(&response.text()), "AuthorizationHeaderMalformed");
    assert!(response.text().contains("<Region>eu-west-9</Region>"));
    assert_eq!(response.head.header("x-amz-bucket-region"), Some("eu-west-9"));
}

#[test]
fn a_bucket_may_be_named_by_the_host() {
    let bed = Bed::new();
    let mut client = bed.client();
    client.host = "bucket.s3.test".to_owned();
    assert_eq!(client.send(&put("/k", "virtual"), &bed.keys).head.status, 200);
    assert_eq!(bed.client().send(&get("/bucket/k"), &bed.keys).body, b"virtual");
}

#[test]
fn the_log_shows_what_arrived_byte_for_byte() {
    let bed = Bed::new();
    let body = vec![1; 70_000];
    let request =
        put("/bucket/a%2Fb//%c3%a9", body).query("x-id=PutObject").payload(Payload::SignedChunks);
    bed.ask(&request);
    let seen = &bed.store.log()[0];
    assert_eq!(seen.target, "/bucket/a%2Fb//%c3%a9?x-id=PutObject");
    assert_eq!(seen.content_sha256(), Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"));
    assert_eq!(seen.header("content-length"), Some(seen.body_bytes.to_string().as_str()));
    assert!(seen.body_bytes > 70_000, "the framing is counted");
    assert_eq!(seen.access_key.as_deref(), Some(bed.keys.id.as_str()));
    assert!(seen.is_ok_data());
}

#[test]
fn tls_is_served_with_the_private_authority_beside_plain_http() {
    let ca = Ca::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let pair = StaticPair::random();
    let store = Store::start(StoreConfig {
        tls: Some(&ca),
        static_pairs: vec![pair.clone()],
        ..StoreConfig::new(dir.path())
    })
    .unwrap();
    let keys = Keys::from(&pair);
    let mut client = Client::tls(store.addr(), &ca);
    assert_eq!(client.send(&put("/bucket/k", "tls"), &keys).head.status, 200);
    let plain = Client::plain(store.http_addr()).send(&get("/bucket/k"), &keys);
    assert_eq!(plain.body, b"tls");
    assert!(store.url().starts_with("https://localhost:"));
    assert!(std::fs::read_to_string(ca.pem_path()).unwrap().contains("BEGIN CERTIFICATE"));
}

#[test]
fn a_store_finds_its_objects_again_and_its_port_is_free_after_it_stopped() {
    let bed = Bed::new();
    bed.ask(&put("/bucket/a//b", "kept").header("x-amz-meta-a", "1"));
    let (addr, dir) = (bed.store.http_addr(), bed.dir.path().to_owned());
    bed.store.stop();
    assert!(std::net::TcpStream::connect(addr).is_err(), "the port refuses");
    let pair = StaticPair::random();
    let store = Store::start(StoreConfig {
        listen: addr,
        static_pairs: vec![pair.clone()],
        ..StoreConfig::new(dir)
    })
    .unwrap();
    let back = Client::plain(store.http_addr()).send(&get("/bucket/a//b"), &Keys::from(&pair));
    assert_eq!((back.body.as_slice(), back.head.header("x-amz-meta-a")), (&b"kept"[..], Some("1")));
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let bed = Bed::new();
    let dir = tempfile::tempdir().unwrap();
    let listen = bed.store.http_addr();
    let error = Store::start(StoreConfig { listen, ..StoreConfig::new(dir.path()) });
    let error = format!("{:#}", error.err().unwrap());
    assert!(error.contains(&listen.to_string()), "{error}");
}
