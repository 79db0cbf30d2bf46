// SPDX-License-Identifier: Apache-2.0
//! What a signature proves: this request, whole, by this credential, at this time.

use http::{HeaderMap, Method};
use sigv4::{
    CanonicalPath, Identity, Payload, Query, Request, Scope, SigningKey, Timestamp, VerifyError,
};

use crate::example::{AT, Arrived, KEY_ID, SECRET, at, headers};
use crate::oracle::{Signer, Unsigned};
use crate::writing::EMPTY_SHA256;

const HOST: (&str, &str) = ("host", "[::1]:9000");

/// Signed by ours.
fn signed(pairs: &[(&str, &str)], payload: &str) -> Arrived {
    let path = CanonicalPath::from_wire(b"/bucket/key");
    let query = Query::from_wire(b"partNumber=1&uploadId=a");
    let mut headers = headers(pairs);
    let request = Request { method: &Method::PUT, path: &path, query: &query.canonical() };
    let who = Identity { access_key_id: KEY_ID, session_token: Some("token") };
    let key = SigningKey::derive(SECRET.as_bytes(), "20130524", "us-east-1");
    let scope = Scope::new("20130524", "us-east-1");
    sigv4::sign(&request, &mut headers, payload, &who, &key, &scope, at(AT)).unwrap();
    Arrived { method: Method::PUT, path, query, headers }
}

fn usual() -> Arrived {
    signed(&[HOST, ("content-type", "text/plain"), ("x-amz-meta-a", "b")], EMPTY_SHA256)
}

/// Presigned by AWS's own signer over the headers given.
fn presigned(signed: &[(&str, &str)], seconds: u64, payload: &str) -> Arrived {
    let signer = Signer {
        key_id: KEY_ID.to_owned(),
        secret: SECRET.to_owned(),
        token: None,
        region: "us-east-1".to_owned(),
        at: at(AT),
    };
    let pairs: Vec<_> =
        signed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let unsigned =
        Unsigned { method: "PUT", path: "/bucket/key", query: "", headers: &pairs, payload };
    let mut query = Query::default();
    for (name, value) in signer.presigned(&unsigned, std::time::Duration::from_secs(seconds)) {
        query.push(name.as_bytes(), value.as_bytes());
    }
    let path = CanonicalPath::from_wire(b"/bucket/key");
    Arrived { method: Method::PUT, path, query, headers: headers(signed) }
}

fn seconds_later(seconds: i64) -> Timestamp {
    Timestamp::from_unix(at(AT).unix_seconds() + seconds)
}

fn refusal(arrived: &Arrived, now: Timestamp) -> Option<VerifyError> {
    arrived.verify(SECRET, now).err()
}

type Change = fn(&mut Arrived);

#[test]
fn a_change_to_any_signed_part_is_refused() {
    let changes: [(&str, Change); 9] = [
        ("method", |request| request.method = Method::DELETE),
        ("path", |request| request.path = CanonicalPath::from_wire(b"/bucket//key")),
        ("query value", |request| request.query = Query::from_wire(b"partNumber=2&uploadId=a")),
        ("query name added", |request| request.query.push(b"acl", b"")),
        ("query name removed", |request| request.query.remove("uploadId")),
        ("header value", |request| set(&mut request.headers, "x-amz-meta-a", "c")),
        ("header repeated", |request| {
            request.headers.append("x-amz-meta-a", "c".parse().unwrap());
        }),
        ("header removed", |request| {
            request.headers.remove("content-type");
        }),
        ("host", |request| set(&mut request.headers, "host", "other")),
    ];
    assert_eq!(refusal(&usual(), at(AT)), None);
    for (what, change) in changes {
        let mut request = usual();
        change(&mut request);
        assert_eq!(refusal(&request, at(AT)), Some(VerifyError::SignatureMismatch), "{what}");
    }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    headers.insert(name, value.parse().unwrap());
}

#[test]
fn another_payload_than_the_signed_one_is_refused() {
    let mut request = usual();
    set(&mut request.headers, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    assert_eq!(refusal(&request, at(AT)), Some(VerifyError::SignatureMismatch));
    set(&mut request.headers, "x-amz-content-sha256", "none");
    assert!(matches!(refusal(&request, at(AT)), Some(VerifyError::InvalidContentSha256(_))));
    request.headers.remove("x-amz-content-sha256");
    assert_eq!(refusal(&request, at(AT)), Some(VerifyError::MissingContentSha256));
}

#[test]
fn a_signature_of_other_length_or_case_is_refused() {
    let request = usual();
    let value = request.headers["authorization"].to_str().unwrap().to_owned();
    let (head, signature) = value.rsplit_once('=').unwrap();
    let upper = signature.to_ascii_uppercase();
    for other in ["", &signature[1..], &upper, &format!("{signature}0")] {
        let mut request = request.clone();
        set(&mut request.headers, "authorization", &format!("{head}={other}"));
        assert_eq!(refusal(&request, at(AT)), Some(VerifyError::SignatureMismatch), "{other}");
    }
}

#[test]
fn a_time_beyond_fifteen_minutes_is_refused_on_both_sides() {
    for (later, refused) in [(0, false), (900, false), (-900, false), (901, true), (-901, true)] {
        let refusal = refusal(&usual(), seconds_later(later));
        let expected = refused.then_some(VerifyError::RequestTimeTooSkewed { seconds: -later });
        assert_eq!(refusal, expected, "{later} s later");
    }
}

#[test]
fn a_scope_of_another_day_than_the_signed_time_is_refused() {
    let mut request = usual();
    set(&mut request.headers, "x-amz-date", "20130525T000000Z");
    let refused = refusal(&request, at("20130525T000000Z"));
    assert!(matches!(refused, Some(VerifyError::Malformed(_))), "{refused:?}");
}

#[test]
fn an_amz_header_or_a_host_that_is_not_signed_is_refused_by_name() {
    let mut request = usual();
    set(&mut request.headers, "x-amz-acl", "public-read");
    set(&mut request.headers, "x-amz-meta-b", "c");
    let names = vec!["x-amz-acl".to_owned(), "x-amz-meta-b".to_owned()];
    assert_eq!(refusal(&request, at(AT)), Some(VerifyError::HeadersNotSigned(names)));

    for name in ["host", "x-amz-content-sha256", "x-amz-date"] {
        let mut request = usual();
        change_signed_headers(&mut request, |names| names.retain(|signed| *signed != name));
        let refused = refusal(&request, at(AT));
        assert_eq!(refused, Some(VerifyError::HeadersNotSigned(vec![name.to_owned()])));
    }
}

/// Rewrites the list in the Authorization header, not the signature.
fn change_signed_headers(request: &mut Arrived, change: impl FnOnce(&mut Vec<&str>)) {
    let value = request.headers["authorization"].to_str().unwrap().to_owned();
    let (head, rest) = value.split_once("SignedHeaders=").unwrap();
    let (list, signature) = rest.split_once(',').unwrap();
    let mut names = list.split(';').collect();
    change(&mut names);
    let changed = format!("{head}SignedHeaders={},{signature}", names.join(";"));
    set(&mut request.headers, "authorization", &changed);
}

#[test]
fn the_order_and_case_of_the_signed_names_make_no_difference() {
    let changes: [fn(&mut Vec<&str>); 3] =
        [|names| names.reverse(), |names| names.push(names[0]), |names| names[0] = "Content-Type"];
    for change in changes {
        let mut request = usual();
        change_signed_headers(&mut request, change);
        assert_eq!(refusal(&request, at(AT)), None, "{:?}", request.presented().signed_headers());
    }
}

#[test]
fn headers_that_proxies_add_need_no_signature() {
    let mut request = usual();
    for name in ["user-agent", "accept-encoding", "connection", "expect", "content-length"] {
        set(&mut request.headers, name, "anything");
    }
    assert_eq!(refusal(&request, at(AT)), None);
}

/// Header values are bytes: metadata in UTF-8, or in no encoding at all, is signed as it is.
#[test]
fn header_values_beyond_ascii_are_signed_as_bytes_with_folded_spaces() {
    let path = CanonicalPath::from_wire(b"/");
    let sign = |value: &[u8]| {
        let mut headers = headers(&[HOST]);
        headers.insert("x-amz-meta-a", http::HeaderValue::from_bytes(value).unwrap());
        let request = Request { method: &Method::PUT, path: &path, query: "" };
        let who = Identity { access_key_id: KEY_ID, session_token: None };
        let key = SigningKey::derive(SECRET.as_bytes(), "20130524", "us-east-1");
        let scope = Scope::new("20130524", "us-east-1");
        let seed =
            sigv4::sign(&request, &mut headers, EMPTY_SHA256, &who, &key, &scope, at(AT)).unwrap();
        assert_eq!(headers["x-amz-meta-a"].as_bytes(), value, "the header itself is kept");
        seed.signature
    };
    assert_eq!(sign("é  \u{20ac}".as_bytes()), sign("  é \u{20ac}   ".as_bytes()));
    assert_ne!(sign(b"\xff"), sign(b"\xfe"));
    assert_ne!(sign(b"a\tb"), sign(b"a b"));
}

#[test]
fn a_token_of_an_earlier_credential_is_removed() {
    let path = CanonicalPath::from_wire(b"/");
    let mut headers = headers(&[HOST, ("x-amz-security-token", "old"), ("authorization", "old")]);
    let request = Request { method: &Method::GET, path: &path, query: "" };
    let who = Identity { access_key_id: KEY_ID, session_token: None };
    let key = SigningKey::derive(SECRET.as_bytes(), "20130524", "us-east-1");
    let scope = Scope::new("20130524", "us-east-1");
    sigv4::sign(&request, &mut headers, EMPTY_SHA256, &who, &key, &scope, at(AT)).unwrap();
    assert!(!headers.contains_key("x-amz-security-token"));
    let arrived = Arrived { method: Method::GET, path, query: Query::default(), headers };
    assert_eq!(refusal(&arrived, at(AT)), None);
}

#[test]
fn a_token_that_cannot_stand_in_a_header_is_named() {
    let path = CanonicalPath::from_wire(b"/");
    let request = Request { method: &Method::GET, path: &path, query: "" };
    let who = Identity { access_key_id: KEY_ID, session_token: Some("a\nb") };
    let key = SigningKey::derive(SECRET.as_bytes(), "20130524", "us-east-1");
    let scope = Scope::new("20130524", "us-east-1");
    let mut headers = headers(&[HOST]);
    let refused = sigv4::sign(&request, &mut headers, EMPTY_SHA256, &who, &key, &scope, at(AT));
    let message = refused.unwrap_err().to_string();
    assert_eq!(message, "x-amz-security-token has bytes that cannot stand in a header");
}

#[test]
fn neither_token_nor_signature_shows_in_the_headers_debug_form() {
    let shown = format!("{:?}", usual().headers);
    assert!(shown.contains("x-amz-security-token") && !shown.contains("\"token\""), "{shown}");
    assert!(shown.contains("authorization") && !shown.contains("Signature="), "{shown}");
}

#[test]
fn a_presigned_url_begins_fifteen_minutes_early_and_ends_on_time() {
    let request = presigned(&[HOST], 60, "UNSIGNED-PAYLOAD");
    for later in [-900, 0, 60] {
        assert_eq!(refusal(&request, seconds_later(later)), None, "{later} s later");
    }
    let expired = refusal(&request, seconds_later(61));
    assert_eq!(expired, Some(VerifyError::Expired));
    let early = refusal(&request, seconds_later(-901));
    assert_eq!(early, Some(VerifyError::RequestTimeTooSkewed { seconds: 901 }));
}

#[test]
fn a_presigned_url_with_a_parameter_added_is_refused() {
    let mut request = presigned(&[HOST], 60, "UNSIGNED-PAYLOAD");
    request.query.push(b"versionId", b"1");
    assert_eq!(refusal(&request, at(AT)), Some(VerifyError::SignatureMismatch));
}

/// Unsigned, the header tells the form of the body only; signed, it stands in the hash line.
#[test]
fn a_presigned_request_may_tell_its_payload_signed_or_unsigned() {
    const DIGEST: (&str, &str) = ("x-amz-content-sha256", EMPTY_SHA256);
    let request = presigned(&[HOST, DIGEST], 60, EMPTY_SHA256);
    let verified = request.verify(SECRET, at(AT)).unwrap();
    assert_eq!(verified.payload, Payload::Sha256(EMPTY_SHA256.to_owned()));

    let mut request = presigned(&[HOST], 60, "UNSIGNED-PAYLOAD");
    set(&mut request.headers, "x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    let verified = request.verify(SECRET, at(AT)).unwrap();
    assert_eq!(verified.payload, Payload::UnsignedTrailer);

    set(&mut request.headers, "x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    assert!(matches!(refusal(&request, at(AT)), Some(VerifyError::Malformed(_))));
}
