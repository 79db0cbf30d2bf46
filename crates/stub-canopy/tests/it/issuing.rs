// SPDX-License-Identifier: Apache-2.0
//! Credentials are those of a testbed store, and live as long as its issuer says.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::{Issuer, IssuerConfig, Keyring, REPO_PASSWORD};

use crate::ground::{post, posted, read, start};

fn script(issuer: &str) -> Value {
    json!({
        "grants": [{"group": "g", "type": "t"}, {"group": "g", "type": "own", "repo_password": "p"}],
        "credentials": {"issuer": issuer},
        "backup_target": {"storage": "s3", "bucket": "b", "prefix": "", "region": "r",
            "repo_password": "p"},
    })
}

fn issuer() -> Issuer {
    let keyring = Keyring::default().into();
    Issuer::start(IssuerConfig::new(keyring, Duration::from_secs(3))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_come_from_the_stores_issuer_and_are_counted_by_asker() {
    let issuer = issuer();
    let stub = start(script(&issuer.url()));
    let ask = |type_, run| json!({"group": "g", "type": type_, "run_id": run});
    let first: Value =
        post(&stub, "/restore-credentials", &ask("t", "r")).await.unwrap().json().await.unwrap();
    assert!(first["credentials"]["SessionToken"].is_string(), "{first}");
    assert_eq!(first["repo_password"], REPO_PASSWORD);
    let own: Value =
        post(&stub, "/restore-credentials", &ask("own", "r")).await.unwrap().json().await.unwrap();
    assert_eq!(own["repo_password"], "p");
    assert_ne!(own["credentials"]["AccessKeyId"], first["credentials"]["AccessKeyId"]);
    posted(&stub, "/restore-credentials", &ask("t", "r")).await;
    let backup = json!({"type": "t", "purpose": "backup", "run_id": "r"});
    let bare: Value =
        post(&stub, "/backup-credentials", &backup).await.unwrap().json().await.unwrap();
    assert_eq!(bare["Version"], 1);
    assert_eq!(
        read(&stub.url(), "/_issued").await,
        json!([
            {"group": null, "type": "t", "run_id": "r", "count": 1},
            {"group": "g", "type": "own", "run_id": "r", "count": 1},
            {"group": "g", "type": "t", "run_id": "r", "count": 2},
        ])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_down_is_a_bad_gateway_and_nothing_was_issued() {
    let issuer = issuer();
    let stub = start(script(&issuer.url()));
    issuer.stop();
    let ask = json!({"group": "g", "type": "t"});
    assert_eq!(posted(&stub, "/restore-credentials", &ask).await, 502);
    assert!(stub.issued().is_empty() && stub.captured().is_empty());
}
