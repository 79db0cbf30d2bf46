// SPDX-License-Identifier: Apache-2.0
//! No secret leaves but in an answer: every log line at trace level, metrics, stats, the last word, the outcome
//! and the arguments are searched; the same search finds one that was planted.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api_server::{ApiServer, OWN_TOKEN, guarded};
use crate::bed::{
    Broker, HOUR, PASSWORD, SECRET, Setup, TOKEN, ask_for, body, control_plane, issued,
};
use crate::fake::Fake;
use crate::sts;

/// Everything that a broker leaves behind, by place.
fn traces(broker: &mut Broker) -> Vec<(&'static str, String)> {
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    let line = format!("/proc/{}/cmdline", broker.run.id());
    let mut places = vec![
        ("arguments", read(Path::new(&line))),
        ("metrics", broker.admin("/metrics").text()),
        ("stats", broker.admin("/stats").text()),
        ("readyz", broker.get("/readyz").text()),
    ];
    assert_eq!(broker.stop(), 0);
    places.extend([
        ("stdout", broker.run.stdout()),
        ("stderr", broker.run.stderr()),
        ("termination message", read(&broker.path("termination"))),
        ("outcome", read(&broker.path("outcome"))),
    ]);
    for (place, text) in &places {
        println!("{place}: {} bytes searched", text.len());
    }
    places
}

/// Where a text stands.
fn found(places: &[(&'static str, String)], text: &str) -> Vec<&'static str> {
    let has = |(_, place): &&(&'static str, String)| place.contains(text);
    places.iter().filter(has).map(|(name, _)| *name).collect()
}

fn assert_hidden(places: &[(&'static str, String)], secrets: &[&str]) {
    for secret in secrets {
        assert_eq!(found(places, secret), Vec::<&str>::new(), "{secret}");
    }
}

fn traced(setup: Setup) -> Setup {
    let outcome = setup.path("outcome");
    setup.env("RUST_LOG", "trace").args(["--outcome-file".into(), outcome])
}

const PLANTED: &str = "planted-where-it-is-logged";

fn wish() -> Value {
    json!({"group": "g", "type": "pg", "run_id": PLANTED, "repo_password": true})
}

#[test]
fn what_the_control_plane_issues_and_what_callers_bring_is_not_told() {
    let (plane, api) = (control_plane(Duration::from_secs(4)), ApiServer::start());
    let setup = Setup::new(&format!("canopy:{}", plane.url()));
    let mut broker = traced(guarded(setup, api.fake.address)).start();
    api.label("site-a", "g", "pg");
    let token = api.pod("site-a");
    let answer = broker.ask_as(&token, &wish());
    assert_eq!(body(&answer)["repo_password"], PASSWORD, "{}", answer.text());
    broker.ask_as(&token, &ask_for("other"));
    broker.ask_as("hush-no-token", &wish());
    broker.ask(&wish());
    api.set_fault(Some((500, vec![], token.clone())));
    let fresh = api.pod("site-b");
    broker.ask_as(&fresh, &wish());
    // A review that cannot be read holds the token, as every review does.
    api.set_fault(Some((201, vec![], json!({"kind": 1, "spec": {"token": fresh}}).to_string())));
    broker.ask_as(&fresh, &wish());
    broker.wait("the set is replaced, or dropped", |broker| broker.stats()["entries"] == 0);
    let places = traces(&mut broker);
    let signature = token.rsplit('.').next().unwrap();
    assert_hidden(
        &places,
        &[SECRET, TOKEN, PASSWORD, OWN_TOKEN, &token, &fresh, signature, "hush"],
    );
    assert_eq!(found(&places, PLANTED), ["stdout"], "the search finds what is there");
    assert_eq!(found(&places, "\"TRACE\""), ["stdout"], "the level is the lowest there is");
    assert!(found(&places, "ASIAISSUE0000000").contains(&"stdout"), "the audit names the set");
}

#[test]
fn what_a_control_plane_sends_in_the_wrong_place_is_not_told() {
    // A set that is over, a set without a key, and half a set.
    for spoil in [
        |set: &mut Value| set["credentials"]["Expiration"] = "2020-01-01T00:00:00Z".into(),
        |set: &mut Value| set["credentials"]["AccessKeyId"] = Value::Null,
        |set: &mut Value| {
            set["credentials"]["Version"] = set["credentials"]["SecretAccessKey"].clone()
        },
        |set: &mut Value| set["repo_password"] = json!([PASSWORD]),
    ] {
        let plane = Fake::start(move |_| {
            let (status, form, text) = issued(0, HOUR);
            let mut set: Value = serde_json::from_str(&text).unwrap();
            spoil(&mut set);
            (status, form, set.to_string())
        });
        let mut broker = traced(Setup::open(&plane)).start();
        let answer = broker.ask(&wish());
        assert_eq!(answer.head.status, 502, "{}", answer.text());
        assert!(!answer.text().contains("hush"), "{}", answer.text());
        assert_hidden(&traces(&mut broker), &[SECRET, TOKEN, PASSWORD]);
    }
}

#[test]
fn what_sts_issues_is_not_told() {
    let fake = Fake::start(sts::assumed);
    let setup = traced(sts::setup(&fake));
    let password = setup.path("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let mut broker = setup.args(["--repo-password-file".into(), password]).start();
    let answer = broker.ask(&wish());
    assert_eq!(body(&answer)["repo_password"], PASSWORD, "{}", answer.text());
    let places = traces(&mut broker);
    let hidden = [sts::SECRET, sts::TOKEN, sts::SOURCE_SECRET, sts::SOURCE_TOKEN, PASSWORD];
    assert_hidden(&places, &hidden);
    assert!(found(&places, PLANTED).contains(&"stdout"));
    // The SDK shows its requests at this level, and redacts them.
    assert!(found(&places, "transmitting request").contains(&"stdout"));
}

#[test]
fn what_a_file_grants_is_not_told() {
    let issuer = control_plane(HOUR);
    let grants = json!({"grants": [
        {"group": "g", "type": "pg", "repo_password": PASSWORD, "credentials": {
            "Version": 1, "AccessKeyId": "AKIAFILE", "SecretAccessKey": SECRET, "SessionToken": TOKEN,
        }},
        {"group": "h", "type": "pg", "issuer": issuer.url()},
    ]});
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("grants.json");
    std::fs::write(&file, grants.to_string()).unwrap();
    let setup = Setup::new(&format!("file:{}", file.display())).args(["--allow-anonymous"]);
    let mut broker = traced(setup).start();
    assert_eq!(body(&broker.ask(&wish()))["repo_password"], PASSWORD);
    let mut other = wish();
    other["group"] = "h".into();
    assert_eq!(body(&broker.ask(&other))["repo_password"], PASSWORD, "its issuer's");
    assert_eq!(broker.ask(&ask_for("nobody")).head.status, 403);
    // Half of the file, as while it is being replaced.
    std::fs::write(&file, &grants.to_string()[..150]).unwrap();
    assert_eq!(broker.ask(&json!({"group": "g", "type": "pg", "run_id": "2"})).head.status, 503);
    let places = traces(&mut broker);
    assert_hidden(&places, &[SECRET, TOKEN, PASSWORD]);
    assert!(found(&places, "for development").contains(&"stdout"), "a file is loud");
}
