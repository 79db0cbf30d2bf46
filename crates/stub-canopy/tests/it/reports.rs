// SPDX-License-Identifier: Apache-2.0
//! Reports are taken once and can be read back.

use reqwest::Method;
use serde_json::{Value, json};
use stub_canopy::Stub;

use crate::ground::{asked, client, post, posted, read, report, start};

async fn keyed(stub: &Stub, path: &str, key: &str, body: &Value) -> (u16, bool) {
    let request = client().post(format!("{}{path}", stub.url())).json(body);
    let answer = request.header("idempotency-key", key).send().await.unwrap();
    (answer.status().as_u16(), answer.headers().contains_key("idempotent-replayed"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_the_same_key_is_taken_once_and_counted() {
    let stub = start(json!({}));
    let stats = json!({"sent_raw_bytes": 1});
    let path = "/api/v1/canopy-stats/ns/job";
    assert_eq!(keyed(&stub, path, "k", &stats).await, (204, false));
    assert_eq!(keyed(&stub, path, "k", &stats).await, (204, true));
    assert_eq!(keyed(&stub, "/api/v1/canopy-stats/ns/other", "k", &stats).await, (204, false));
    assert_eq!(keyed(&stub, path, "l", &stats).await, (204, false));
    let repeats: Vec<_> = stub.captured().iter().map(|it| it.repeats).collect();
    assert_eq!(repeats, [1, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_dedupe_a_key_means_nothing_and_a_run_is_reported_once() {
    let stub = start(json!({"dedupe": false}));
    assert_eq!(keyed(&stub, "/backup-report", "k", &report("r")).await, (204, false));
    assert_eq!(keyed(&stub, "/backup-report", "k", &report("r")).await, (409, false));
    assert_eq!(keyed(&stub, "/backup-report", "k", &report("s")).await, (204, false));
    let stats = json!({"sent_raw_bytes": 1});
    for _ in 0..2 {
        assert_eq!(keyed(&stub, "/api/v1/canopy-stats/n/j", "k", &stats).await, (204, false));
    }
    assert_eq!(stub.captured().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_one_run_that_come_together_are_one_and_conflicts() {
    let stub = std::sync::Arc::new(start(json!({})));
    let posts: Vec<_> = (0..16)
        .map(|_| {
            let stub = std::sync::Arc::clone(&stub);
            tokio::spawn(async move { posted(&stub, "/backup-report", &report("r")).await })
        })
        .collect();
    let mut taken = 0;
    for post in posts {
        match post.await.unwrap() {
            204 => taken += 1,
            status => assert_eq!(status, 409),
        }
    }
    assert_eq!((taken, stub.captured().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_is_read_back_and_forgotten() {
    let stub = start(json!({}));
    let body = json!({"types": ["t"], "typs": 1});
    post(&stub, "/backup-capabilities", &body).await.unwrap();
    let captured = read(&stub.url(), "/_captured").await;
    assert_eq!(captured[0]["path"], "/backup-capabilities");
    assert_eq!(captured[0]["body"], body);
    assert_eq!(captured[0]["unknown"], json!(["typs"]));
    assert_eq!(captured[0]["way"], "direct");
    assert_eq!(captured[0]["headers"]["content-type"], "application/json");
    let heard = read(&stub.url(), "/_heard").await;
    assert_eq!((&heard[0]["method"], &heard[0]["status"]), (&json!("POST"), &json!(204)));
    assert_eq!(asked(Method::DELETE, &stub.url(), "/_captured").await.status().as_u16(), 204);
    assert_eq!(read(&stub.url(), "/_captured").await, json!([]));
    assert_eq!(read(&stub.url(), "/_heard").await, json!([]));
}
