// SPDX-License-Identifier: Apache-2.0
//! Answers are bounded, and a captive portal is no control plane.

use canopy::Kind;
use serde_json::{Value, json};

use crate::ground::{GROUP, Ground, Has};

fn worklist(name_bytes: usize) -> Value {
    let mut script = Ground::granted();
    script["worklist"] = json!([{
        "replica_id": "r", "group_id": GROUP, "server_id": "s", "type": "t", "intent": "verify",
        "name": "x".repeat(name_bytes), "params": {}, "storage": "s3", "bucket": "b", "prefix": "",
        "region": "r",
    }]);
    script
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worklist_may_have_eight_mebibytes_and_no_more() {
    let ground = Ground::new(worklist(7 << 20));
    let client = ground.client(Has::Public);
    assert_eq!(client.restore_worklist().await.unwrap()[0].name.len(), 7 << 20);
    ground.stub.set(worklist(8 << 20)).unwrap();
    let error = client.restore_worklist().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.message().contains("more than 8 MiB"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other_answer_may_have_one_mebibyte_and_no_more() {
    let mut script = Ground::granted();
    script["backup_target"]["extra"] = "x".repeat(1 << 20).into();
    let ground = Ground::new(script);
    let error = ground.client(Has::Public).backup_target().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.message().contains("more than 1 MiB"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_form_is_not_understood_and_not_repeated() {
    let mut script = Ground::granted();
    script["backup_target"] = json!({"storage": "s3", "repo_password": {"hush": "hush"}});
    let ground = Ground::new(script);
    let error = ground.client(Has::Public).backup_target().await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (Kind::Invalid, false));
    assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
}
