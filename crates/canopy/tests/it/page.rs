// SPDX-License-Identifier: Apache-2.0
//! `docs/canopy.md`, the client and the stub are one: each example on the page is read as its type,
//! is the same when it is written again, and goes through the client to a stub that takes it.

use std::collections::BTreeSet;

use canopy::{Client, wire};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::ground::{Ground, Has};

const PAGE: &str = include_str!("../../../../docs/canopy.md");

struct Example {
    kind: String,
    path: String,
    json: Value,
}

/// The JSON blocks, whose first line says what they are: "```json KIND PATH".
fn examples() -> Vec<Example> {
    let mut lines = PAGE.lines();
    let mut examples = Vec::new();
    while let Some(line) = lines.next() {
        let Some(about) = line.strip_prefix("```json") else { continue };
        let mut words = about.split_whitespace().map(str::to_owned);
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let json = serde_json::from_str(&text.join("\n"));
        let json = json.unwrap_or_else(|error| panic!("the page, {about}: {error}"));
        let (kind, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        examples.push(Example { kind, path, json });
    }
    examples
}

/// The example as its type, which must hold all of it.
fn whole<T: DeserializeOwned + Serialize>(json: &Value) -> T {
    let read: T = serde_json::from_value(json.clone()).unwrap_or_else(|e| panic!("{e}: {json}"));
    assert_eq!(&serde_json::to_value(&read).unwrap(), json, "the type loses or changes something");
    read
}

/// A stub that grants what the page asks for, and answers what the page shows.
fn script() -> Value {
    let examples = examples();
    let of = |kind: &str, path: &str| {
        let found = examples.iter().find(|it| it.kind == kind && it.path == path);
        found.unwrap_or_else(|| panic!("{kind} {path} is not on the page")).json.clone()
    };
    let asked = of("request", "/restore-credentials");
    let answer = of("answer", "/restore-credentials");
    json!({
        "worklist": of("answer", "/restore-worklist"),
        "grants": [{"group": asked["group"], "type": asked["type"],
            "repo_password": answer["repo_password"]}],
        "credentials": {"static": answer["credentials"]},
        "backup_target": of("answer", "/backup-target"),
        "dedupe": false,
        "strict_ids": true,
    })
}

async fn send(client: &Client, stub: &str, path: &str, json: &Value) {
    let sent = match path {
        "/restore-capabilities" => client.restore_capabilities(&whole(json)).await,
        "/restore-credentials" => client.restore_credentials(&whole(json)).await.map(drop),
        "/restore-verification" => client.restore_verification(&whole(json)).await,
        "/backup-capabilities" => client.backup_capabilities(&whole(json)).await,
        "/backup-credentials" => client.backup_credentials(&whole(json)).await.map(drop),
        "/backup-progress" => client.backup_progress(&whole(json)).await,
        "/backup-report" => client.backup_report(&whole(json)).await,
        _ if path.starts_with("/api/v1/") => return call_back(stub, path, json).await,
        _ => panic!("no such endpoint: {path}"),
    };
    sent.unwrap_or_else(|error| panic!("{error}: {json}"));
}

/// The operator's callbacks are not the client's.
async fn call_back(stub: &str, path: &str, json: &Value) {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let answer = client.post(format!("{stub}{path}")).json(json).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 204, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_on_the_page_is_sent_as_it_stands_there_and_taken() {
    let ground = Ground::new(script());
    let plain = stub_canopy::Stub::start(stub_canopy::Config::new(script())).unwrap();
    let client = ground.client(Has::Public);
    let requests: Vec<_> = examples().into_iter().filter(|it| it.kind == "request").collect();
    for example in &requests {
        send(&client, &plain.url(), &example.path, &example.json).await;
        let mut taken = ground.stub.captured().into_iter().chain(plain.captured());
        let last = taken.rfind(|post| post.path == example.path).unwrap();
        assert_eq!(last.body, example.json, "{}", example.path);
        assert!(last.unknown.is_empty(), "{}: {:?}", example.path, last.unknown);
    }
    assert!(requests.len() >= 9, "{}", requests.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_on_the_page_comes_through_the_client_unchanged() {
    let ground = Ground::new(script());
    let client = ground.client(Has::Public);
    for example in examples().into_iter().filter(|it| it.kind == "answer") {
        let got = match example.path.as_str() {
            "/restore-worklist" => json!(client.restore_worklist().await.unwrap()),
            "/backup-target" => json!(client.backup_target().await.unwrap()),
            "/restore-credentials" => {
                let asked = request("/restore-credentials");
                json!(client.restore_credentials(&whole(&asked)).await.unwrap())
            }
            "/backup-credentials" => {
                let asked = request("/backup-credentials");
                json!(client.backup_credentials(&whole(&asked)).await.unwrap())
            }
            path => panic!("no such endpoint: {path}"),
        };
        assert_eq!(got, example.json, "{}", example.path);
    }
}

fn request(path: &str) -> Value {
    let found = examples().into_iter().find(|it| it.kind == "request" && it.path == path);
    found.unwrap().json
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_else_on_the_page_is_read_too() {
    let stub = stub_canopy::Stub::start(stub_canopy::Config::new(script())).unwrap();
    for example in examples() {
        match example.kind.as_str() {
            "request" | "answer" => {}
            "problem" => drop(whole::<wire::Problem>(&example.json)),
            "script" => stub.set(example.json).unwrap(),
            "early" => {
                let read: wire::RestoreCapabilities =
                    serde_json::from_value(example.json.clone()).unwrap();
                assert_eq!(read.intents.len(), 3);
                call_back(&stub.url(), &example.path, &example.json).await;
            }
            kind => panic!("a JSON block of an unknown kind: {kind:?}"),
        }
    }
}

#[test]
fn no_shape_is_missing_on_the_page() {
    let shown: BTreeSet<_> =
        examples().into_iter().map(|it| format!("{} {}", it.kind, it.path)).collect();
    for expected in [
        "problem ",
        "script ",
        "request /restore-capabilities",
        "early /restore-capabilities",
        "answer /restore-worklist",
        "request /restore-credentials",
        "answer /restore-credentials",
        "request /restore-verification",
        "request /backup-capabilities",
        "request /backup-credentials",
        "answer /backup-credentials",
        "answer /backup-target",
        "request /backup-progress",
        "request /backup-report",
        "request /api/v1/canopy-stats/site-a/restore-1",
        "request /api/v1/canopy-progress/site-a/restore-1",
    ] {
        assert!(shown.contains(expected), "{expected} is not among {shown:?}");
    }
}
