// SPDX-License-Identifier: Apache-2.0
//! Every class of failure, and whether it is worth retrying.

use std::time::Duration;

use canopy::{Client, ClientArgs, Kind};
use flags::{Given, Problems};
use serde_json::json;

use crate::ground::{Ground, Has, ask, progress, report};

#[tokio::test(flavor = "multi_thread")]
async fn each_status_is_the_kind_that_says_what_to_do() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Public);
    for (status, kind, is_retryable) in [
        (401, Kind::Denied, false),
        (403, Kind::Denied, false),
        (409, Kind::Conflict, false),
        (412, Kind::Unbound, false),
        (429, Kind::TooOften, true),
        (408, Kind::Timeout, true),
        (500, Kind::Unavailable, true),
        (502, Kind::Unavailable, true),
        (503, Kind::Unavailable, true),
        (307, Kind::Invalid, false),
        (404, Kind::Invalid, false),
        (422, Kind::Invalid, false),
    ] {
        ground.set_faults(json!([{"path": "/*", "status": status, "retry_after": 7,
            "detail": "said\nso"}]));
        let error = client.restore_credentials(&ask()).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (kind, is_retryable), "{error}");
        assert_eq!(error.status(), Some(status));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        let problem = error.problem().unwrap();
        assert_eq!((problem.status, problem.detail.as_deref()), (status, Some("said so")));
        assert!(error.to_string().starts_with("POST /restore-credentials: answered "), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_grant_credentials_and_reports_are_denied() {
    let ground = Ground::new(json!({"credentials": {"static": {}}}));
    let client = ground.client(Has::Public);
    let error = client.restore_credentials(&ask()).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (Kind::Denied, Some(403)));
    let error = client.backup_target().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (Kind::Conflict, Some(409)));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_is_an_outage_worth_retrying() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Public);
    ground.set_faults(json!([{"path": "/*", "half": true}]));
    let errors = [
        client.restore_worklist().await.map(drop).unwrap_err(),
        client.restore_credentials(&ask()).await.map(drop).unwrap_err(),
        client.backup_target().await.map(drop).unwrap_err(),
        client.backup_progress(&progress()).await.unwrap_err(),
        client.backup_report(&report()).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.is_retryable()), (Kind::Unavailable, true), "{error}");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_and_a_closed_port_are_outages_worth_retrying() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Public);
    ground.set_faults(json!([{"path": "/*", "refuse": true}]));
    let error = client.restore_worklist().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (Kind::Unavailable, None), "{error}");
    ground.stub.stop();
    let error = client.restore_worklist().await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (Kind::Unavailable, true), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_too_long_is_a_timeout() {
    let ground = Ground::new(Ground::granted());
    let config = ground.config(Has::Public).with_timeout(Duration::from_millis(200));
    let client = Client::open(config).unwrap();
    ground.set_faults(json!([{"path": "/*", "delay_ms": 600_000}]));
    let error = client.restore_worklist().await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (Kind::Timeout, true), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_stranger_is_an_outage_that_names_the_flag() {
    let ground = Ground::new(Ground::granted());
    let url = Some(Given::Good(ground.stub.url().parse().unwrap()));
    let key = Some(ground.key_file());
    let other = testbed::Ca::new().unwrap();
    let ca = Some(other.pem_path().to_owned());
    let args = ClientArgs {
        canopy_url: url,
        canopy_device_key: key,
        canopy_ca_bundle: ca,
        ..ClientArgs::default()
    };
    let config = args.resolve(None, &mut Problems::new("x")).unwrap();
    let error = Client::open(config).unwrap().backup_target().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.message().contains("--canopy-ca-bundle"), "{error}");
    assert!(ground.stub.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_garbled_file_is_found_at_start() {
    let ground = Ground::new(Ground::granted());
    std::fs::write(ground.key_file(), "no key").unwrap();
    let error = Client::open(ground.config(Has::Public)).unwrap_err();
    assert!(error.message().contains("device key"), "{error}");
    std::fs::remove_file(ground.key_file()).unwrap();
    let error = Client::open(ground.config(Has::Public)).unwrap_err();
    assert!(error.message().contains("device.pem"), "{error}");
    assert_eq!((error.kind(), error.is_retryable()), (Kind::Invalid, false));
}
