// SPDX-License-Identifier: Apache-2.0
//! Clients are held to the contract.

use std::io::Write as _;

use reqwest::Method;
use serde_json::json;

use crate::ground::{asked, client, post, posted, report, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_the_wrong_form_is_refused_with_all_its_defects() {
    let stub = start(json!({}));
    let body = json!({"run_id": "r", "type": 7, "purpose": "both"});
    let answer = post(&stub, "/backup-report", &body).await.unwrap();
    assert_eq!(answer.status().as_u16(), 422);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(
        problem,
        json!({
            "type": "/errors/unprocessable-entity", "title": "Unprocessable Entity", "status": 422,
            "detail": "type is not a text; purpose is not one of backup, restore; outcome is missing",
        })
    );
    assert!(stub.captured().is_empty(), "what is refused is not taken");
    assert_eq!(stub.heard()[0].status, Some(422));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_is_refused() {
    let stub = start(json!({}));
    let send = |kind: &'static str, encoding: Option<&'static str>, body: &'static str| {
        let mut request = client().post(format!("{}/backup-report", stub.url()));
        request = request.header("content-type", kind).body(body);
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(send("application/json", None, "{").await, 400);
    assert_eq!(send("application/json", Some("gzip"), "{}").await, 400);
    assert_eq!(send("application/json", Some("snappy"), "{}").await, 415);
    assert_eq!(send("text/plain", None, "{}").await, 415);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gzipped_body_is_captured_decoded() {
    let stub = start(json!({}));
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    zip.write_all(report("r").to_string().as_bytes()).unwrap();
    let request = client().post(format!("{}/public/backup-report", stub.url()));
    let request = request.header("content-type", "application/json; charset=utf-8");
    let request = request.header("content-encoding", "gzip").body(zip.finish().unwrap());
    assert_eq!(request.send().await.unwrap().status().as_u16(), 204);
    let captured = stub.captured();
    assert_eq!((&captured[0].body, captured[0].way), (&report("r"), stub_canopy::Way::Tailnet));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_methods_are_told_apart() {
    let stub = start(json!({}));
    assert_eq!(asked(Method::GET, &stub.url(), "/backup").await.status().as_u16(), 404);
    assert_eq!(asked(Method::GET, &stub.url(), "/backup-report").await.status().as_u16(), 405);
    assert_eq!(asked(Method::GET, &stub.url(), "/public/servers").await.status().as_u16(), 200);
    assert_eq!(asked(Method::GET, &stub.url(), "/_nothing").await.status().as_u16(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_decide_who_gets_and_who_reports() {
    let stub = start(json!({
        "grants": [{"group": "g", "type": "t"}],
        "credentials": {"static": {"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "s"}},
    }));
    let ask = |group| json!({"group": group, "type": "t"});
    assert_eq!(posted(&stub, "/restore-credentials", &ask("g")).await, 200);
    assert_eq!(posted(&stub, "/restore-credentials", &ask("h")).await, 403);
    let verified = |group| {
        json!({"group": group, "type": "t", "server_id": "s", "intent": "verify",
            "outcome": "success", "replica_healthy": true, "observed_at": "2026-07-01T02:40:00Z"})
    };
    assert_eq!(posted(&stub, "/restore-verification", &verified("g")).await, 204);
    assert_eq!(posted(&stub, "/restore-verification", &verified("h")).await, 403);
    let backup = json!({"type": "t", "purpose": "backup", "run_id": "r"});
    assert_eq!(posted(&stub, "/backup-credentials", &backup).await, 409, "in no group");
}
