// SPDX-License-Identifier: Apache-2.0
//! What answers mean, and that none of them makes a parser panic.

use proptest::prelude::*;

use super::*;
use crate::wire;

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn call() -> Call {
    Call::get("/backup-target")
}

fn refused(status: u16, body: &str) -> Error {
    let status = StatusCode::from_u16(status).unwrap();
    refusal(&call(), status, &HeaderMap::new(), body.as_bytes(), NOW)
}

#[test]
fn each_status_has_its_kind() {
    let kinds = [
        (401, Kind::Denied, false),
        (403, Kind::Denied, false),
        (409, Kind::Conflict, false),
        (412, Kind::Unbound, false),
        (429, Kind::TooOften, true),
        (408, Kind::Timeout, true),
        (500, Kind::Unavailable, true),
        (502, Kind::Unavailable, true),
        (503, Kind::Unavailable, true),
        (302, Kind::Invalid, false),
        (400, Kind::Invalid, false),
        (404, Kind::Invalid, false),
        (422, Kind::Invalid, false),
    ];
    for (status, kind, is_retryable) in kinds {
        let error = refused(status, "");
        assert_eq!((error.kind(), error.is_retryable()), (kind, is_retryable), "{status}");
        assert_eq!(error.status(), Some(status));
    }
}

#[test]
fn a_problem_is_told_on_one_bounded_line() {
    let body =
        r#"{"type":"/errors/x","title":"Con\nflict","status":409,"detail":"not\u001bready"}"#;
    let error = refused(409, body);
    assert_eq!(error.to_string(), "GET /backup-target: answered 409: Con flict: not ready");
    assert_eq!(error.problem().unwrap().type_, "/errors/x");
    let long = format!(r#"{{"title":"{0}","detail":"{0}"}}"#, "x".repeat(5000));
    assert!(refused(500, &long).to_string().len() < 500);
    assert_eq!(refused(502, "<html>").message(), "answered 502");
    assert_eq!(refused(502, "<html>").problem(), None);
    assert_eq!(refused(500, r#"{"title":"x","detail":null}"#).message(), "answered 500: x");
}

#[test]
fn retry_after_is_honoured_up_to_ten_minutes() {
    let wait = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        retry_after(&headers, NOW)
    };
    assert_eq!(wait("7"), Some(Duration::from_secs(7)));
    assert_eq!(wait("86400"), Some(LONGEST_WAIT));
    assert_eq!(wait("Thu, 01 Jan 1970 00:00:09 GMT"), Some(Duration::from_secs(9)));
    assert_eq!(wait("Fri, 31 Dec 9999 23:59:59 GMT"), Some(LONGEST_WAIT));
    assert_eq!(wait("soon"), None);
}

#[test]
fn an_answer_of_the_wrong_form_is_told_without_its_content() {
    let cases = [
        ("", "ends in the middle"),
        (r#"{"credentials":{"Version":1,"SecretAccessKey":"hush"#, "ends in the middle"),
        (r#"{"repo_password":"hush"}"#, "credentials is missing"),
        (r#"{"credentials":"hush"}"#, "a field of the wrong form"),
        (r#"{"credentials":{"Version":"hush"}}"#, "a field of the wrong form"),
        (
            r#"{"credentials":{"Version":1,"AccessKeyId":"A","SecretAccessKey":["hush"]}}"#,
            "a field of the wrong form",
        ),
        ("<html>hush", "not JSON"),
    ];
    for (body, expected) in cases {
        let error = parse::<wire::RestoreCredentials>(&call(), body.as_bytes()).unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(told.contains(expected) && !told.contains("hush"), "{body}: {told}");
        assert_eq!((error.kind(), error.is_retryable()), (Kind::Invalid, false));
    }
}

#[test]
fn credentials_that_no_header_can_carry_are_refused_without_being_shown() {
    let set = |id: &str, secret: &str, version: u32| CredentialProcess {
        version,
        access_key_id: id.to_owned(),
        secret_access_key: secret.to_owned().into(),
        session_token: None,
        expiration: None,
    };
    assert!(usable(&call(), &set("A", "s/+=", 1)).is_ok());
    for bad in
        [set("", "hush", 1), set("A", "", 1), set("A", "hush\r\nx: y", 1), set("A", "hush", 2)]
    {
        let told = format!("{:?}", usable(&call(), &bad).unwrap_err());
        assert!(!told.contains("hush"), "{told}");
    }
}

fn read_as_everything(bytes: &[u8]) {
    let _ = parse::<wire::RestoreCredentials>(&call(), bytes);
    let _ = parse::<wire::CredentialProcess>(&call(), bytes);
    let _ = parse::<wire::BackupTarget>(&call(), bytes);
    let _ = parse::<Vec<wire::WorklistEntry>>(&call(), bytes);
    let _ = parse::<wire::RestoreCapabilities>(&call(), bytes);
    let _ = parse::<wire::RestoreVerification>(&call(), bytes);
    let _ = parse::<wire::BackupProgress>(&call(), bytes);
    let _ = parse::<wire::BackupReport>(&call(), bytes);
    let _ = refusal(&call(), StatusCode::CONFLICT, &HeaderMap::new(), bytes, NOW);
}

/// JSON-like text with the names that matter in it.
fn shapes() -> impl Strategy<Value = String> {
    let names = proptest::sample::select(vec![
        "credentials",
        "Version",
        "SecretAccessKey",
        "Expiration",
        "repo_password",
        "status",
        "title",
        "detail",
        "type",
        "run_id",
        "params",
        "snapshot_at",
        "intents",
        "intent",
        "observed_at",
        "s3_sent_raw_bytes",
        "migration",
        "timings",
        "extra",
        "default",
    ]);
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("-1".to_owned()),
        Just("1e999".to_owned()),
        Just("18446744073709551616".to_owned()),
        Just(r#""+999999-01-01T00:00:00Z""#.to_owned()),
        Just(r#""\ud800""#.to_owned()),
        ".{0,6}".prop_map(|text| format!("{text:?}")),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let members = proptest::collection::vec((names.clone(), inner.clone()), 0..5);
        let object = members.prop_map(|members| {
            let members = members.iter().map(|(name, value)| format!("{name:?}:{value}"));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        });
        let list = proptest::collection::vec(inner, 0..4);
        prop_oneof![object, list.prop_map(|all| format!("[{}]", all.join(",")))]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn no_json_makes_a_parser_panic(text in shapes()) {
        read_as_everything(text.as_bytes());
    }

    #[test]
    fn a_message_is_one_line_of_bounded_length(title in ".{0,400}", detail in ".{0,400}") {
        let body = serde_json::json!({"title": title, "detail": detail}).to_string();
        let told = refused(409, &body).to_string();
        prop_assert!(!told.chars().any(char::is_control));
        prop_assert!(told.chars().count() < 500);
    }
}
