// SPDX-License-Identifier: Apache-2.0
//! Each endpoint, by the public host and by the tailnet.

use canopy::{Client, Kind, wire};
use stub_canopy::Way;

use crate::ground::{GROUP, Ground, Has, RUN, TAILNET, ask, progress, report, verification};

/// Calls all nine.
async fn call_all(client: &Client) {
    let intents = vec![wire::Intent::named("verify")];
    client.restore_capabilities(&wire::RestoreCapabilities { intents }).await.unwrap();
    assert_eq!(client.restore_worklist().await.unwrap(), []);
    let answer = client.restore_credentials(&ask()).await.unwrap();
    assert_eq!(answer.credentials.session_token.unwrap().expose(), "hush-token");
    assert_eq!(answer.repo_password.unwrap().expose(), "hush-password");
    client.restore_verification(&verification()).await.unwrap();
    let types = vec!["t".to_owned()];
    client.backup_capabilities(&wire::BackupCapabilities { types }).await.unwrap();
    let asked = wire::BackupCredentialsRequest {
        type_: "t".to_owned(),
        purpose: wire::Purpose::Backup,
        run_id: RUN.to_owned(),
    };
    assert_eq!(client.backup_credentials(&asked).await.unwrap().access_key_id, "ASIAX");
    assert_eq!(client.backup_target().await.unwrap().bucket, "b");
    client.backup_progress(&progress()).await.unwrap();
    client.backup_report(&report()).await.unwrap();
}

const PATHS: [&str; 9] = [
    "/restore-capabilities",
    "/restore-worklist",
    "/restore-credentials",
    "/restore-verification",
    "/backup-capabilities",
    "/backup-credentials",
    "/backup-target",
    "/backup-progress",
    "/backup-report",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_public_host_knows_the_device_by_its_certificate_on_every_endpoint() {
    let ground = Ground::new(Ground::granted());
    call_all(&ground.client(Has::Public)).await;
    let heard = ground.stub.heard();
    assert_eq!(heard.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), PATHS);
    let device = heard[0].certificate.clone().unwrap();
    for one in heard {
        assert_eq!((one.way, one.certificate.as_ref()), (Way::Direct, Some(&device)), "{one:?}");
    }
    assert!(ground.socks.asked().is_empty(), "the proxy is for the tailnet's host alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tailnet_is_reached_through_the_proxy_below_its_prefix_without_a_certificate() {
    let ground = Ground::new(Ground::granted());
    call_all(&ground.client(Has::Tailnet)).await;
    let heard = ground.stub.heard();
    assert_eq!(heard.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), PATHS);
    for one in heard {
        assert_eq!((one.way, &one.certificate), (Way::Tailnet, &None), "{one:?}");
        assert_eq!(one.host.as_deref(), Some(TAILNET));
    }
    let asked = ground.socks.asked();
    assert_eq!(
        asked,
        vec![format!("{TAILNET}:443"); PATHS.len()],
        "names go to the proxy unresolved"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_gzipped_and_clients_say_who_they_are() {
    let ground = Ground::new(Ground::granted());
    call_all(&ground.client(Has::Public)).await;
    let captured = ground.stub.captured();
    assert_eq!(captured.len(), PATHS.len() - 2, "all but the two GETs");
    for post in captured {
        assert_eq!(post.headers["content-encoding"], "gzip", "{}", post.path);
        assert_eq!(post.headers["content-type"], "application/json");
        assert!(post.headers["user-agent"].starts_with("pilotfish-canopy/"));
        assert!(post.unknown.is_empty(), "{post:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_measured_is_not_on_the_wire() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Public);
    client.backup_progress(&progress()).await.unwrap();
    client.backup_report(&report()).await.unwrap();
    let bodies: Vec<_> = ground.stub.captured().into_iter().map(|post| post.body).collect();
    assert_eq!(bodies[0], serde_json::json!({"run_id": RUN, "type": "t"}));
    let fields: Vec<_> = bodies[1].as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["outcome", "purpose", "run_id", "type"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_carries_its_run_as_idempotency_key_so_a_second_one_is_known() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Public);
    client.backup_report(&report()).await.unwrap();
    client.backup_report(&report()).await.unwrap();
    client.restore_verification(&verification()).await.unwrap();
    client.restore_verification(&verification()).await.unwrap();
    let captured = ground.stub.captured();
    let seen: Vec<_> = captured.iter().map(|it| (it.path.as_str(), it.repeats)).collect();
    assert_eq!(seen, [("/backup-report", 1), ("/restore-verification", 1)]);
    assert_eq!(captured[0].headers["idempotency-key"], RUN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_knows_no_key_answers_a_second_report_with_a_conflict() {
    let mut script = Ground::granted();
    script["dedupe"] = false.into();
    let ground = Ground::new(script);
    let client = ground.client(Has::Public);
    client.backup_report(&report()).await.unwrap();
    let error = client.backup_report(&report()).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (Kind::Conflict, Some(409)));
    assert_eq!(error.problem().unwrap().status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_are_not_known_are_skipped() {
    let mut script = Ground::granted();
    script["backup_target"]["new"] = serde_json::json!({"a": [1]});
    script["credentials"]["static"]["AccountId"] = "1".into();
    script["worklist"] = serde_json::json!([{
        "replica_id": "r", "group_id": GROUP, "server_id": "s", "type": "t", "intent": "verify",
        "name": "n", "params": {}, "storage": "s3", "bucket": "b", "prefix": "", "region": "r",
        "snapshot_id": null, "snapshot_at": null, "target_version": null, "new": 1,
    }]);
    let ground = Ground::new(script);
    let client = ground.client(Has::Public);
    client.backup_target().await.unwrap();
    client.restore_credentials(&ask()).await.unwrap();
    let list = client.restore_worklist().await.unwrap();
    assert_eq!((list.len(), list[0].snapshot_at), (1, None));
}
