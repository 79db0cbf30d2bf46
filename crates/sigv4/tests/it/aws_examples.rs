// SPDX-License-Identifier: Apache-2.0
//! The examples of AWS's pages on header signatures and presigned URLs
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>).

use http::{HeaderMap, Method};
use sigv4::{CanonicalPath, Identity, Query, Request, Scope, SigningKey};

use crate::example::{AT, Arrived, KEY_ID, SCOPE, SECRET, at, authorization, headers};
use crate::writing::EMPTY_SHA256;

const HOST: (&str, &str) = ("Host", "examplebucket.s3.amazonaws.com");

struct Example {
    name: &'static str,
    method: Method,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    payload: &'static str,
    signed: &'static str,
    signature: &'static str,
}

/// The example signs `date`, which our signer never does: it is verified, not signed.
const PUT_OBJECT: Example = Example {
    name: "PUT object",
    method: Method::PUT,
    target: "/test$file.text",
    headers: &[
        HOST,
        ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ],
    payload: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
    signed: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
    signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
};

const SIGNED_ALIKE: [Example; 3] = [
    Example {
        name: "GET object",
        method: Method::GET,
        target: "/test.txt",
        headers: &[HOST, ("Range", "bytes=0-9")],
        payload: EMPTY_SHA256,
        signed: "host;range;x-amz-content-sha256;x-amz-date",
        signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    },
    Example {
        name: "GET bucket lifecycle",
        method: Method::GET,
        target: "/?lifecycle",
        headers: &[HOST],
        payload: EMPTY_SHA256,
        signed: "host;x-amz-content-sha256;x-amz-date",
        signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    },
    Example {
        name: "list objects",
        method: Method::GET,
        target: "/?max-keys=2&prefix=J",
        headers: &[HOST],
        payload: EMPTY_SHA256,
        signed: "host;x-amz-content-sha256;x-amz-date",
        signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    },
];

impl Example {
    fn unsigned_headers(&self) -> HeaderMap {
        headers(self.headers)
    }

    fn arrived(&self) -> Arrived {
        let mut map = self.unsigned_headers();
        map.extend(headers(&[
            ("x-amz-date", AT),
            ("x-amz-content-sha256", self.payload),
            ("authorization", &authorization(self.signed, self.signature)),
        ]));
        Arrived::new(self.method.clone(), self.target, map)
    }
}

#[test]
fn the_published_header_signatures_are_proven() {
    for example in SIGNED_ALIKE.iter().chain([&PUT_OBJECT]) {
        let verified = example.arrived().verify(SECRET, at(AT));
        let verified = verified.unwrap_or_else(|error| panic!("{}: {error}", example.name));
        assert_eq!(verified.seed.signature.as_str(), example.signature, "{}", example.name);
        assert_eq!(verified.payload.literal(), example.payload, "{}", example.name);
    }
}

#[test]
fn the_published_header_signatures_are_made() {
    for example in &SIGNED_ALIKE {
        let arrived = example.arrived();
        let mut map = example.unsigned_headers();
        let seed = sigv4::sign(
            &Request {
                method: &arrived.method,
                path: &arrived.path,
                query: &arrived.query.canonical(),
            },
            &mut map,
            example.payload,
            &Identity { access_key_id: KEY_ID, session_token: None },
            &SigningKey::derive(SECRET.as_bytes(), "20130524", "us-east-1"),
            &Scope::new("20130524", "us-east-1"),
            at(AT),
        );
        assert_eq!(seed.unwrap().signature.as_str(), example.signature, "{}", example.name);
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential={KEY_ID}/{SCOPE}, SignedHeaders={}, Signature={}",
            example.signed, example.signature
        );
        assert_eq!(map["authorization"], expected.as_str(), "{}", example.name);
    }
}

#[test]
fn the_published_presigned_url_is_proven_until_its_last_second() {
    let target = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let arrived = Arrived::new(Method::GET, target, headers(&[HOST]));
    for now in ["20130524T000000Z", "20130525T000000Z"] {
        let verified = arrived.verify(SECRET, at(now)).unwrap();
        assert_eq!(verified.payload, sigv4::Payload::Unsigned);
    }
}

/// The page's derived key is not public through our interface; its signature of the example's string
/// to sign is.
#[test]
fn the_published_key_signs_the_published_string() {
    let key = SigningKey::derive(SECRET.as_bytes(), "20130524", "us-east-1");
    let text = format!(
        "AWS4-HMAC-SHA256\n{AT}\n{SCOPE}\n\
         7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972"
    );
    assert!(key.sign(text.as_bytes()).matches(SIGNED_ALIKE[0].signature.as_bytes()));
}

/// The page on signing lists these cases in words: `/` stays in a path and is encoded in a query, a
/// space is `%20`, all but unreserved characters are encoded in upper case.
#[test]
fn paths_and_queries_are_encoded_as_the_page_says() {
    assert_eq!(
        CanonicalPath::from_wire(b"/photos/Jan/sample.jpg").as_str(),
        "/photos/Jan/sample.jpg"
    );
    assert_eq!(CanonicalPath::from_wire(b"/test$file.text").as_str(), "/test%24file.text");
    assert_eq!(
        Query::from_wire(b"prefix=some/prefix&marker=some marker&max-keys=20").canonical(),
        "marker=some%20marker&max-keys=20&prefix=some%2Fprefix"
    );
    assert_eq!(Query::from_wire(b"acl").canonical(), "acl=");
}
