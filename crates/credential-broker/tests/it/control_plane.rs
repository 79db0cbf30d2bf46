// SPDX-License-Identifier: Apache-2.0
//! The contract's own control plane, whose sets are those of a store and live seconds.

use std::time::Duration;

use serde_json::{Value, json};
use stub_canopy::{Config, Stub};
use testbed::{Issuer, IssuerConfig, REPO_PASSWORD, Store, StoreConfig};

use crate::bed::{Broker, Setup, ask_for, body};

struct Bed {
    _store: Store,
    issuer: Issuer,
    stub: Stub,
    broker: Broker,
    _dir: tempfile::TempDir,
}

impl Bed {
    fn start(lifetime: Duration) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::start(StoreConfig::new(dir.path())).unwrap();
        let issuer = Issuer::start(IssuerConfig::new(store.keyring(), lifetime)).unwrap();
        let stub = Stub::start(Config::new(script(&issuer, &["g"], json!([])))).unwrap();
        let setup = Setup::new(&format!("canopy:{}", stub.url()));
        let broker = setup.args(["--allow-anonymous", "--refusal-ttl", "500ms"]).start();
        Self { _store: store, issuer, stub, broker, _dir: dir }
    }
}

fn script(issuer: &Issuer, groups: &[&str], faults: Value) -> Value {
    let grants: Vec<_> = groups.iter().map(|it| json!({"group": it, "type": "pg"})).collect();
    json!({"grants": grants, "credentials": {"issuer": issuer.url()}, "faults": faults})
}

#[test]
fn a_grant_is_handed_on_and_one_that_comes_later_is_heard_of() {
    let mut bed = Bed::start(Duration::from_secs(60));
    let wish = json!({"group": "g", "type": "pg", "run_id": "9e9e", "repo_password": true});
    let set = body(&bed.broker.ask(&wish));
    assert!(set["credentials"]["AccessKeyId"].as_str().unwrap().starts_with("ASIA"), "{set}");
    assert_eq!(set["repo_password"], REPO_PASSWORD);
    let captured = bed.stub.captured();
    assert_eq!(captured.len(), 1);
    assert_eq!(captured[0].body, json!({"group": "g", "type": "pg", "run_id": "9e9e"}));

    assert_eq!(bed.broker.ask(&ask_for("h")).head.status, 403);
    bed.stub.set(script(&bed.issuer, &["g", "h"], json!([]))).unwrap();
    bed.broker.wait("the grant is heard of", |broker| broker.ask(&ask_for("h")).head.status == 200);
}

#[test]
fn sets_of_seconds_roll_over_and_an_outage_passes_unnoticed() {
    let mut bed = Bed::start(Duration::from_secs(10));
    let id = |broker: &Broker| {
        let answer = broker.ask(&ask_for("g"));
        assert_eq!(answer.head.status, 200, "an asker with a run under way: {}", answer.text());
        body(&answer)["credentials"]["AccessKeyId"].clone()
    };
    let first = id(&bed.broker);
    let faults = json!([{"path": "/restore-credentials", "status": 502, "times": 1}]);
    bed.stub.set(script(&bed.issuer, &["g"], faults)).unwrap();
    bed.broker.wait("the set is another one", |broker| id(broker) != first);
    let stats = bed.broker.stats();
    assert!(stats["grants"]["old"].as_u64() >= Some(1), "{stats}");
    assert_eq!(stats["upstream_errors"], json!({"failed": 1}), "{stats}");
    assert_eq!(stats.get("refusals"), Some(&json!({})), "{stats}");
}
