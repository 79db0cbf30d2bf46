// SPDX-License-Identifier: Apache-2.0
//! Secrets are where they are asked for and nowhere else.

use canopy::wire;

use crate::ground::{Ground, Has, ask};

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_any_debug_text() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Both);
    let credentials = client.restore_credentials(&ask()).await.unwrap();
    let target = client.backup_target().await.unwrap();
    let key = std::fs::read_to_string(ground.key_file()).unwrap();
    let shown =
        format!("{credentials:?} {credentials:#?} {target:?} {client:?} {}", client.origin());
    assert!(shown.contains("[redacted]") && shown.contains("ASIAX"), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
    for line in key.lines() {
        assert!(!shown.contains(line), "{shown}");
    }
}

#[test]
fn serialising_is_what_writes_secrets_out() {
    let text = r#"{"credentials":{"Version":1,"AccessKeyId":"A","SecretAccessKey":"hush"},"repo_password":"hush"}"#;
    let read: wire::RestoreCredentials = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
}
