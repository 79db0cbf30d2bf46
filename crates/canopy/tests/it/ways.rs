// SPDX-License-Identifier: Apache-2.0
//! Which way a call goes while both are there, and when one is not.

use std::time::{Duration, SystemTime};

use canopy::Kind;
use serde_json::json;

use crate::ground::{Ground, Has, Standing, TAILNET, ask, progress, report, verification};

#[tokio::test(flavor = "multi_thread")]
async fn the_tailnet_is_preferred_while_its_probe_is_answered() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Both);
    client.backup_target().await.unwrap();
    client.backup_target().await.unwrap();
    let expected =
        ["tailnet /servers 200", "tailnet /backup-target 200", "tailnet /backup-target 200"];
    assert_eq!(ground.heard(), expected);
    assert_eq!(ground.socks.asked(), vec![format!("{TAILNET}:443"); 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_holds_for_a_minute_and_then_the_tailnet_is_found_again() {
    let ground = Ground::new(Ground::granted());
    let clock = Standing::at(SystemTime::now());
    let client = ground.timed(Has::Both, &clock);
    ground.set_faults(json!([{"path": "/servers", "status": 503, "times": 1}]));
    client.backup_target().await.unwrap();
    clock.advance(Duration::from_secs(59));
    client.backup_target().await.unwrap();
    clock.advance(Duration::from_secs(1));
    client.backup_target().await.unwrap();
    let expected = [
        "tailnet /servers 503",
        "direct /backup-target 200",
        "direct /backup-target 200",
        "tailnet /servers 200",
        "tailnet /backup-target 200",
    ];
    assert_eq!(ground.heard(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_come_together_share_one_probe() {
    let ground = Ground::new(Ground::granted());
    let client = std::sync::Arc::new(ground.client(Has::Both));
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = std::sync::Arc::clone(&client);
            tokio::spawn(async move { client.restore_worklist().await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let probes = ground.heard().iter().filter(|line| line.contains("/servers")).count();
    assert_eq!(probes, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_sidecar_costs_a_probe_and_no_call() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Both);
    ground.socks.kill();
    client.restore_credentials(&ask()).await.unwrap();
    client.backup_report(&report()).await.unwrap();
    assert_eq!(ground.heard(), ["direct /restore-credentials 200", "direct /backup-report 204"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_dies_between_two_calls_costs_neither_and_no_report_is_sent_twice() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Both);
    client.backup_target().await.unwrap();
    ground.socks.kill();
    client.backup_report(&report()).await.unwrap();
    client.backup_progress(&progress()).await.unwrap();
    let expected = [
        "tailnet /servers 200",
        "tailnet /backup-target 200",
        "direct /backup-report 204",
        "direct /backup-progress 204",
    ];
    assert_eq!(ground.heard(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_may_have_arrived_is_not_sent_again_by_the_other_way() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Both);
    let cut = |path| json!([{"path": path, "refuse": true, "taken": true, "times": 1}]);
    ground.set_faults(cut("/backup-report"));
    let error = client.backup_report(&report()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (Kind::Unavailable, true));
    ground.set_faults(cut("/restore-verification"));
    client.restore_verification(&verification()).await.unwrap_err();
    ground.set_faults(cut("/restore-credentials"));
    client.restore_credentials(&ask()).await.unwrap_err();
    assert!(ground.heard().iter().all(|line| line.starts_with("tailnet")), "{:?}", ground.heard());
    assert_eq!(ground.stub.captured().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_no_harm_twice_goes_on_by_the_other_way() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Both);
    ground.set_faults(json!([
        {"path": "/restore-worklist", "half": true, "times": 1},
        {"path": "/backup-progress", "refuse": true, "taken": true, "times": 1},
    ]));
    client.restore_worklist().await.unwrap();
    client.backup_progress(&progress()).await.unwrap();
    let expected = [
        "tailnet /servers 200",
        "tailnet /restore-worklist 200",
        "direct /restore-worklist 200",
        "tailnet /servers 200",
        "tailnet /backup-progress reset",
        "direct /backup-progress 204",
    ];
    assert_eq!(ground.heard(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_on_the_tailnet_is_an_answer_whatever_it_says() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Both);
    ground.set_faults(json!([{"path": "/restore-worklist", "status": 502, "times": 1}]));
    assert_eq!(client.restore_worklist().await.unwrap_err().status(), Some(502));
    assert_eq!(ground.heard(), ["tailnet /servers 200", "tailnet /restore-worklist 502"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_tailnet_alone_there_is_no_probe_and_no_other_way() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Tailnet);
    client.backup_target().await.unwrap();
    ground.socks.kill();
    let error = client.backup_target().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(ground.heard(), ["tailnet /backup-target 200"]);
}

/// Another process, because a variable of this one would be every test's.
#[test]
fn the_environments_proxies_are_not_used() {
    let dead = "http://127.0.0.1:1";
    let names =
        ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let this = std::env::current_exe().unwrap();
    let mut run = testbed::Spawn::new(this)
        .args(["--exact", "ways::the_tailnet_is_preferred_while_its_probe_is_answered"])
        .args(["device::a_changed_key_file_is_another_device_at_the_next_call"])
        .envs(names.map(|name| (name, dead)))
        .start()
        .unwrap();
    assert!(run.wait(Duration::from_secs(60)).unwrap().success(), "{}", run.stdout());
    assert!(run.stdout().contains("2 passed"), "{}", run.stdout());
}
