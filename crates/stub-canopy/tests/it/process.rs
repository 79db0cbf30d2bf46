// SPDX-License-Identifier: Apache-2.0
//! The stub as a process, with a file that changes.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use testbed::{Running, Spawn};

use crate::ground::{client, read};

const SOON: Duration = Duration::from_secs(20);

fn spawn(config: &Path) -> (Running, String) {
    let spawn = Spawn::new(env!("CARGO_BIN_EXE_stub-canopy"));
    let spawn = spawn.args(["--listen", "127.0.0.1:0", "--config"]).arg(config);
    let mut running = spawn.start().unwrap();
    running.wait_until(SOON, "it prints its URL", |it| it.stdout().ends_with('\n')).unwrap();
    let facts: Value = serde_json::from_str(&running.stdout()).unwrap();
    let url = facts["url"].as_str().unwrap().to_owned();
    (running, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_in_force_at_the_next_request_and_a_broken_one_never() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stub.json");
    std::fs::write(&file, json!({"worklist": [1]}).to_string()).unwrap();
    let (mut running, url) = spawn(&file);
    assert_eq!(read(&url, "/restore-worklist").await, json!([1]));
    std::fs::write(&file, json!({"worklist": [2]}).to_string()).unwrap();
    assert_eq!(read(&url, "/public/restore-worklist").await, json!([2]));
    std::fs::write(&file, r#"{"worklist": ["#).unwrap();
    assert_eq!(read(&url, "/restore-worklist").await, json!([2]));
    let sent = client().post(format!("{url}/backup-capabilities")).json(&json!({"types": []}));
    assert_eq!(sent.send().await.unwrap().status().as_u16(), 204);
    assert_eq!(read(&url, "/_captured").await[0]["body"], json!({"types": []}));
    running.terminate().unwrap();
    assert!(running.wait(SOON).unwrap().success());
}

#[test]
fn a_script_with_a_typing_mistake_is_an_error_at_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stub.json");
    std::fs::write(&file, r#"{"grant": []}"#).unwrap();
    let spawn = Spawn::new(env!("CARGO_BIN_EXE_stub-canopy"));
    let spawn = spawn.args(["--listen", "127.0.0.1:0", "--config"]).arg(&file);
    let mut running = spawn.start().unwrap();
    assert!(!running.wait(SOON).unwrap().success());
    let told = running.stderr();
    assert!(told.contains("unknown field `grant`") && told.contains("stub.json"), "{told}");
}

#[test]
fn help_shows_a_whole_script() {
    let mut running = Spawn::new(env!("CARGO_BIN_EXE_stub-canopy")).arg("--help").start().unwrap();
    assert!(running.wait(SOON).unwrap().success());
    let help = running.stdout();
    for word in ["--config", "\"grants\"", "\"faults\"", "/_captured", "/_issued", "strict_ids"] {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
}
