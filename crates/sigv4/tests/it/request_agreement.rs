// SPDX-License-Identifier: Apache-2.0
//! Ours and AWS's own signer hold the same signatures, over odd keys, queries, headers and payloads.

use std::time::Duration;

use http::{HeaderMap, Method};
use proptest::prelude::*;
use sigv4::{CanonicalPath, Identity, Query, Request, Scope, SigningKey, Timestamp, decode};

use crate::example::{Arrived, headers};
use crate::oracle::{Signer, Unsigned};

type Pairs = Vec<(String, String)>;

fn signer() -> impl Strategy<Value = Signer> {
    let token = proptest::option::of("[A-Za-z0-9+/=]{1,40}");
    ("[A-Z0-9]{16,20}", "[!-~]{1,60}", token, "[a-z]{2}-[a-z]{4,9}-[0-9]", 0..4_000_000_000_i64)
        .prop_map(|(key_id, secret, token, region, unix)| Signer {
            key_id,
            secret,
            token,
            region,
            at: Timestamp::from_unix(unix),
        })
}

fn method() -> impl Strategy<Value = Method> {
    proptest::sample::select(vec![
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::POST,
        Method::DELETE,
    ])
}

/// A key of any bytes, with the parts that proxies trip over.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..6),
        2 => proptest::sample::select(vec![
            "/", "//", "/./", "/../", "%", "%2F", "%25", "+", " ", ":", "é", "~", "*", "a",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    proptest::collection::vec(part, 0..10)
        .prop_map(|parts| [b"/", parts.concat().as_slice()].concat())
}

/// A query as clients write it. AWS's signer reads it as UTF-8, so it is.
fn wire_query() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-zA-Z0-9._~!$'()*,;:@/?-]{1,6}",
        proptest::sample::select(vec![
            "&", "=", "&&", "+", "%20", "%2B", "%2f", "%3D", "%26", "%", "%zz"
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(|char| {
            char.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect()
        }),
    ];
    proptest::collection::vec(part, 0..12)
        .prop_map(|parts| parts.concat())
        .prop_filter("UTF-8", |text| std::str::from_utf8(&decode(text.as_bytes())).is_ok())
}

/// Headers that are always signed; names repeat, values have runs of spaces.
fn signed_headers() -> impl Strategy<Value = Pairs> {
    let name = prop_oneof![
        Just("content-type".to_owned()),
        Just("content-md5".to_owned()),
        Just("range".to_owned()),
        Just("x-amz-meta-twice".to_owned()),
        "x-amz-(meta|checksum)-[a-z0-9_]{1,6}",
    ];
    let value = "([!-~]{0,5} {0,3}){0,5}";
    proptest::collection::vec((name, value), 0..6).prop_map(|mut pairs| {
        pairs.push(("host".to_owned(), "[::1]:9000".to_owned()));
        pairs
    })
}

fn payload() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9a-f]{64}",
        proptest::sample::select(vec![
            "UNSIGNED-PAYLOAD",
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        ])
        .prop_map(str::to_owned),
    ]
}

fn map(pairs: &Pairs) -> HeaderMap {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    headers(&pairs)
}

/// Signs with ours, as a proxy does. Returns the headers that go out and the signature.
fn ours(
    signer: &Signer,
    request: &Request<'_>,
    mut headers: HeaderMap,
    payload: &str,
) -> (HeaderMap, String) {
    let key = SigningKey::derive(signer.secret.as_bytes(), signer.at.date(), &signer.region);
    let scope = Scope::new(signer.at.date(), &signer.region);
    let token = signer.token.as_deref();
    let who = Identity { access_key_id: &signer.key_id, session_token: token };
    let seed = sigv4::sign(request, &mut headers, payload, &who, &key, &scope, signer.at).unwrap();
    (headers, seed.signature.as_str().to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_request_has_the_signature_that_aws_gives_it(
        signer in signer(),
        method in method(),
        key in key(),
        wire_query in wire_query(),
        pairs in signed_headers(),
        payload in payload(),
    ) {
        let path = CanonicalPath::from_decoded(&key);
        let query = Query::from_wire(wire_query.as_bytes());
        let theirs = signer.by_header(&Unsigned {
            method: method.as_str(),
            path: path.as_str(),
            query: &wire_query,
            headers: &pairs,
            payload: &payload,
        });
        let canonical = query.canonical();
        let request = Request { method: &method, path: &path, query: &canonical };
        let (headers, signature) = ours(&signer, &request, map(&pairs), &payload);
        prop_assert_eq!(&signature, &theirs);

        let arrived = Arrived { method, path, query, headers };
        let verified = arrived.verify(&signer.secret, signer.at);
        prop_assert!(verified.is_ok(), "{:?}", verified);
        prop_assert!(arrived.verify("another secret", signer.at).is_err());
    }

    #[test]
    fn a_url_that_aws_presigns_is_proven(
        signer in signer(),
        method in method(),
        key in key(),
        wire_query in wire_query(),
        pairs in signed_headers(),
        seconds in 1..=604_800_u64,
    ) {
        let path = CanonicalPath::from_decoded(&key);
        let mut query = Query::from_wire(wire_query.as_bytes());
        let unsigned = Unsigned {
            method: method.as_str(),
            path: path.as_str(),
            query: &wire_query,
            headers: &pairs,
            payload: "UNSIGNED-PAYLOAD",
        };
        for (name, value) in signer.presigned(&unsigned, Duration::from_secs(seconds)) {
            query.push(name.as_bytes(), value.as_bytes());
        }
        let arrived = Arrived { method, path, query, headers: map(&pairs) };
        prop_assert!(arrived.presented().is_presigned());
        let verified = arrived.verify(&signer.secret, signer.at);
        prop_assert!(verified.is_ok(), "{:?}", verified);
        prop_assert!(arrived.verify("another secret", signer.at).is_err());
    }

    /// A client may escape what needs no escape, in either case: what is signed is the same.
    #[test]
    fn how_a_key_is_escaped_on_the_wire_makes_no_difference(
        key in proptest::collection::vec((any::<u8>(), 0..3_u8), 0..40),
    ) {
        let mut wire = b"/".to_vec();
        for (byte, form) in &key {
            match form {
                0 => wire.extend_from_slice(format!("%{byte:02x}").as_bytes()),
                1 => wire.extend_from_slice(format!("%{byte:02X}").as_bytes()),
                _ if *byte == b'%' => wire.extend_from_slice(b"%25"),
                _ => wire.push(*byte),
            }
        }
        let decoded: Vec<u8> = [b'/'].into_iter().chain(key.iter().map(|(byte, _)| *byte)).collect();
        let path = CanonicalPath::from_wire(&wire);
        prop_assert_eq!(&path, &CanonicalPath::from_decoded(&decoded));
        prop_assert_eq!(decode(path.as_str().as_bytes()), decoded);
    }
}
