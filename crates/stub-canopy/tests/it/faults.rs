// SPDX-License-Identifier: Apache-2.0
//! What goes wrong goes wrong as the script says, so often and no more.

use serde_json::json;

use crate::ground::{post, posted, report, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_status_strikes_its_times_and_takes_nothing() {
    let fault = json!({"path": "/backup-report", "status": 429, "retry_after": 7, "times": 2});
    let stub = start(json!({"faults": [fault]}));
    let answer = post(&stub, "/backup-report", &report("r")).await.unwrap();
    assert_eq!(answer.status().as_u16(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert_eq!(posted(&stub, "/backup-report", &report("r")).await, 429);
    assert!(stub.captured().is_empty());
    assert_eq!(posted(&stub, "/backup-report", &report("r")).await, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_announces_more_than_it_sends() {
    let fault = json!({"path": "/restore-worklist", "half": true, "times": 1});
    let stub = start(json!({"worklist": [1, 2, 3, 4], "faults": [fault]}));
    let url = format!("{}/restore-worklist", stub.url());
    let mut half = crate::ground::client().get(&url).send().await.unwrap();
    assert_eq!((half.status().as_u16(), half.content_length()), (200, Some(9)));
    assert_eq!(half.chunk().await.unwrap().unwrap(), "[1,2");
    assert!(half.chunk().await.is_err());
    let whole = crate::ground::client().get(&url).send().await.unwrap();
    assert_eq!(whole.text().await.unwrap(), "[1,2,3,4]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_a_reset_and_a_taken_one_loses_the_answer_only() {
    let stub = start(json!({"faults": [{"path": "/*", "refuse": true, "times": 1}]}));
    let error = post(&stub, "/backup-report", &report("r")).await.unwrap_err();
    assert!(format!("{error:?}").contains("ConnectionReset"), "{error:?}");
    assert!(stub.captured().is_empty());
    let fault = json!({"path": "/*", "refuse": true, "taken": true, "times": 1});
    stub.set(json!({"faults": [fault]})).unwrap();
    post(&stub, "/backup-report", &report("r")).await.unwrap_err();
    assert_eq!(stub.captured().len(), 1);
    assert_eq!(posted(&stub, "/backup-report", &report("r")).await, 409, "it was taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stub_comes_back_on_its_port() {
    let stub = start(json!({}));
    posted(&stub, "/backup-report", &report("r")).await;
    let listen = stub.addr();
    stub.stop();
    assert!(std::net::TcpStream::connect(listen).is_err());
    let config = stub_canopy::Config { listen, ..stub_canopy::Config::new(json!({})) };
    let stub = stub_canopy::Stub::start(config).unwrap();
    assert_eq!(posted(&stub, "/backup-report", &report("r")).await, 204, "it begins anew");
}
