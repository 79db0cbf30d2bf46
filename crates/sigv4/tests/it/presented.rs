// SPDX-License-Identifier: Apache-2.0
//! Each form of a signature is found, or refused by its name.

use sigv4::{Query, Refused};

use crate::example::{AT, KEY_ID, SCOPE, headers};
use crate::writing::EMPTY_SHA256;

const SIGNATURE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn by_header(authorization: &str) -> Result<sigv4::Presented, Refused> {
    let headers = headers(&[
        ("host", "b"),
        ("x-amz-date", AT),
        ("x-amz-content-sha256", EMPTY_SHA256),
        ("authorization", authorization),
    ]);
    sigv4::presented(&Query::default(), &headers)
}

fn by_query(query: &str) -> Result<sigv4::Presented, Refused> {
    sigv4::presented(&Query::from_wire(query.as_bytes()), &headers(&[("host", "b")]))
}

/// A presigned query with one parameter replaced, or left out.
fn presigned_with(name: &str, value: Option<&str>) -> String {
    let credential = format!("{KEY_ID}/{SCOPE}").replace('/', "%2F");
    [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", AT),
        ("X-Amz-Expires", "60"),
        ("X-Amz-SignedHeaders", "host"),
        ("X-Amz-Signature", SIGNATURE),
    ]
    .iter()
    .filter_map(|(found, usual)| match (*found == name, value) {
        (true, Some(value)) => Some(format!("{found}={value}")),
        (true, None) => None,
        (false, _) => Some(format!("{found}={usual}")),
    })
    .collect::<Vec<_>>()
    .join("&")
}

#[test]
fn a_header_is_read_with_the_spaces_and_the_order_that_aws_allows() {
    for text in [
        format!(
            "AWS4-HMAC-SHA256 Credential={KEY_ID}/{SCOPE}, SignedHeaders=host;x-amz-date, Signature={SIGNATURE}"
        ),
        format!(
            "AWS4-HMAC-SHA256 Credential={KEY_ID}/{SCOPE},SignedHeaders=host;x-amz-date,Signature={SIGNATURE}"
        ),
        format!(
            "AWS4-HMAC-SHA256   Signature={SIGNATURE} ,  SignedHeaders=host;x-amz-date ,Credential={KEY_ID}/{SCOPE} "
        ),
    ] {
        let presented = by_header(&text).unwrap();
        assert_eq!(presented.access_key_id(), KEY_ID, "{text}");
        assert_eq!(presented.region(), "us-east-1", "{text}");
        assert_eq!(presented.signed_headers(), ["host", "x-amz-date"], "{text}");
        assert!(!presented.is_presigned(), "{text}");
    }
}

#[test]
fn a_key_id_may_hold_slashes() {
    let text = format!(
        "AWS4-HMAC-SHA256 Credential=a/b/{SCOPE}, SignedHeaders=host, Signature={SIGNATURE}"
    );
    assert_eq!(by_header(&text).unwrap().access_key_id(), "a/b");
}

#[test]
fn forms_that_cannot_be_verified_are_refused_by_name() {
    let express = SCOPE.replace("/s3/", "/s3express/");
    let express_query = presigned_with("X-Amz-Credential", Some(&format!("{KEY_ID}/{express}")));
    let express = format!(
        "AWS4-HMAC-SHA256 Credential={KEY_ID}/{express}, SignedHeaders=host, Signature={SIGNATURE}"
    );
    let v4a = format!(
        "AWS4-ECDSA-P256-SHA256 Credential={KEY_ID}/20130524/s3/aws4_request, SignedHeaders=host, Signature=00"
    );
    let v4a_query = presigned_with("X-Amz-Algorithm", Some("AWS4-ECDSA-P256-SHA256"));
    for (refused, expected) in [
        (by_query(""), Refused::Anonymous),
        (by_query("list-type=2"), Refused::Anonymous),
        (by_header("AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg="), Refused::SigV2),
        (by_query("AWSAccessKeyId=a&Expires=1&Signature=b"), Refused::SigV2),
        (by_header(&v4a), Refused::SigV4a),
        (by_query(&v4a_query), Refused::SigV4a),
        (by_header(&express), Refused::Express),
        (by_query(&express_query), Refused::Express),
    ] {
        assert_eq!(refused.map(|_| ()), Err(expected));
    }
}

#[test]
fn a_header_and_a_query_signature_at_once_are_refused() {
    let headers = headers(&[("authorization", "AWS4-HMAC-SHA256 anything")]);
    for query in ["X-Amz-Signature=0", "X-Amz-Algorithm=AWS4-HMAC-SHA256"] {
        let refused = sigv4::presented(&Query::from_wire(query.as_bytes()), &headers);
        assert_eq!(refused.map(|_| ()), Err(Refused::Both), "{query}");
    }
}

#[test]
fn a_header_that_lacks_or_repeats_a_part_is_malformed() {
    let good = format!("Credential={KEY_ID}/{SCOPE}, SignedHeaders=host, Signature={SIGNATURE}");
    assert!(by_header(&format!("AWS4-HMAC-SHA256 {good}")).is_ok());
    for text in [
        "Bearer token".to_owned(),
        "AWS4-HMAC-SHA256".to_owned(),
        format!("aws4-hmac-sha256 {good}"),
        format!("AWS4-HMAC-SHA256 {good}, Signature={SIGNATURE}"),
        format!("AWS4-HMAC-SHA256 {}", good.replace("Signature=", "Sign=")),
        format!("AWS4-HMAC-SHA256 {}", good.replace("=host", "=")),
        format!("AWS4-HMAC-SHA256 {}", good.replace("=host", "=host;;range")),
        format!("AWS4-HMAC-SHA256 {}", good.replace(KEY_ID, "")),
        format!("AWS4-HMAC-SHA256 {}", good.replace("20130524", "2013052")),
        format!("AWS4-HMAC-SHA256 {}", good.replace("/s3/", "/ec2/")),
        format!("AWS4-HMAC-SHA256 {}", good.replace("aws4_request", "aws5_request")),
        format!("AWS4-HMAC-SHA256 {}", good.replace("/us-east-1", "")),
    ] {
        let refused = by_header(&text);
        assert!(matches!(refused, Err(Refused::Malformed(_))), "{text}: {refused:?}");
    }
}

#[test]
fn a_header_signature_without_a_readable_time_is_malformed() {
    let text =
        format!("AWS4-HMAC-SHA256 Credential={KEY_ID}/{SCOPE}, SignedHeaders=host, Signature=0");
    for pairs in [
        vec![("authorization", text.as_str())],
        vec![("authorization", &text), ("x-amz-date", "Fri, 24 May 2013 00:00:00 GMT")],
    ] {
        let refused = sigv4::presented(&Query::default(), &headers(&pairs));
        assert!(matches!(refused, Err(Refused::Malformed(_))), "{refused:?}");
    }
}

#[test]
fn a_presigned_query_that_lacks_or_bends_a_part_is_malformed() {
    assert!(by_query(&presigned_with("", None)).unwrap().is_presigned());
    let mut queries = vec![format!("{}&X-Amz-Date={AT}", presigned_with("", None))];
    for name in ["X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders"] {
        queries.push(presigned_with(name, None));
        queries.push(presigned_with(name, Some("")));
        queries.push(presigned_with(name, Some("%FF")));
    }
    for seconds in ["0", "604801", "-1", "%2B60", "60s", "99999999999999999999"] {
        queries.push(presigned_with("X-Amz-Expires", Some(seconds)));
    }
    queries.push(presigned_with("X-Amz-Algorithm", Some("AWS4-HMAC-SHA1")));
    queries.push(presigned_with("X-Amz-Signature", None));
    for query in queries {
        let refused = by_query(&query);
        assert!(matches!(refused, Err(Refused::MalformedQuery(_))), "{query}: {refused:?}");
    }
}
