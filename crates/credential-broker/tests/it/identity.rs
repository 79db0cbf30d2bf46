// SPDX-License-Identifier: Apache-2.0
//! Who may ask for what: nobody is let in but by the API server's word, and each refusal is audited.

use std::time::Instant;

use serde_json::{Value, json};
use testbed::RawResponse;

use crate::api_server::{AUDIENCE, ApiServer, MARKED, down, guarded, known, token, write_config};
use crate::bed::{Broker, HOUR, Setup, ask_for, body, control_plane, number};
use crate::fake::Fake;

struct Bed {
    plane: Fake,
    api: ApiServer,
    broker: Broker,
}

impl Bed {
    fn start(args: &[&str]) -> Self {
        let (plane, api) = (control_plane(HOUR), ApiServer::start());
        let setup = Setup::new(&format!("canopy:{}", plane.url())).args(args);
        let broker = guarded(setup, api.fake.address).start();
        Self { plane, api, broker }
    }

    /// Refused like this, audited like this, and the control plane hears nothing of it.
    fn assert_refused(&self, answer: &RawResponse, status: u16, reason: &str) -> Value {
        let told = body(answer);
        println!("{reason} -> {status} {told}");
        assert_eq!(
            (answer.head.status, &told["status"]),
            (status, &json!(status)),
            "{reason}: {told}"
        );
        let line = self.broker.audit().pop().expect("an audit line");
        assert_eq!(
            (&line["verdict"], &line["reason"]),
            (&json!("refused"), &json!(reason)),
            "{line}"
        );
        assert_eq!((&line["group"], &line["type"]), (&json!("g"), &json!("pg")), "{line}");
        assert_eq!(self.plane.count(), 0, "{reason}");
        assert_eq!(self.broker.stats()["refusals"][reason].as_u64(), Some(1), "{reason}");
        line
    }
}

#[test]
fn a_pod_of_a_labelled_namespace_is_handed_its_set_and_audited() {
    let bed = Bed::start(&[]);
    bed.api.label("site-a", "g", "pg");
    let token = bed.api.pod("site-a");
    let wish = json!({"group": "g", "type": "pg", "run_id": "9e9e", "repo_password": true});
    let answer = bed.broker.ask_as(&token, &wish);
    assert_eq!(answer.head.status, 200, "{}", answer.text());
    let line = bed.broker.audit().remove(0);
    for (field, value) in [
        ("namespace", json!("site-a")),
        ("service_account", json!("restore")),
        ("pod", json!("restore-x7k2p")),
        ("group", json!("g")),
        ("type", json!("pg")),
        ("run_id", json!("9e9e")),
        ("verdict", json!("granted")),
        ("origin", json!("issued")),
        ("access_key_id", json!("ASIAISSUE0000000")),
        ("expires", body(&answer)["credentials"]["Expiration"].clone()),
        ("repo_password", json!(true)),
    ] {
        assert_eq!(line[field], value, "{field}: {line}");
    }
    assert_eq!(bed.broker.stats()["callers"], "checked");
}

#[test]
fn a_bare_token_is_taken_too() {
    let bed = Bed::start(&[]);
    bed.api.label("site-a", "g", "pg");
    let token = bed.api.pod("site-a");
    let wish = ask_for("g").to_string();
    let request = format!(
        "POST /internal/restore-creds HTTP/1.1\r\nhost: b\r\nauthorization: {token}\r\ncontent-length: {}\r\n\r\n{wish}",
        wish.len()
    );
    let answer = testbed::exchange(bed.broker.addr, request.as_bytes()).unwrap();
    assert_eq!(number(&answer), 0);
}

#[test]
fn no_token_is_401() {
    let bed = Bed::start(&[]);
    let answer = bed.broker.ask(&ask_for("g"));
    assert_eq!(answer.head.header("www-authenticate"), Some("Bearer"));
    bed.assert_refused(&answer, 401, "no_token");
}

#[test]
fn what_is_no_service_accounts_token_is_401_and_is_not_sent_to_the_api_server() {
    let bed = Bed::start(&[]);
    let answer = bed.broker.ask_as("hush", &ask_for("g"));
    bed.assert_refused(&answer, 401, "malformed_token");
    assert_eq!(bed.api.fake.count(), 0);
}

#[test]
fn a_token_for_another_audience_is_401() {
    let bed = Bed::start(&[]);
    bed.api.label("site-a", "g", "pg");
    let theirs = token("site-a", "https://kubernetes.default.svc", 3600);
    bed.api.review(&theirs, known("site-a", "restore"));
    let answer = bed.broker.ask_as(&theirs, &ask_for("g"));
    bed.assert_refused(&answer, 401, "wrong_audience");
}

/// A server that knows nothing of audiences says that the token is good, and names none.
#[test]
fn a_review_that_does_not_confirm_the_audience_is_401() {
    let bed = Bed::start(&[]);
    bed.api.label("site-a", "g", "pg");
    let ours = token("site-a", AUDIENCE, 3600);
    let mut review = known("site-a", "restore");
    review["audiences"] = json!([]);
    bed.api.review(&ours, review);
    let answer = bed.broker.ask_as(&ours, &ask_for("g"));
    bed.assert_refused(&answer, 401, "wrong_audience");
}

#[test]
fn an_expired_token_is_401() {
    let bed = Bed::start(&[]);
    bed.api.label("site-a", "g", "pg");
    let old = token("site-a", AUDIENCE, -5);
    let answer = bed.broker.ask_as(&old, &ask_for("g"));
    bed.assert_refused(&answer, 401, "expired_token");
    assert!(body(&answer)["error"].as_str().unwrap().contains("anew"), "{}", answer.text());
}

#[test]
fn a_believed_token_is_refused_once_it_expires() {
    let mut bed = Bed::start(&[]);
    bed.api.label("site-a", "g", "pg");
    let short = token("site-a", AUDIENCE, 3);
    bed.api.review(&short, known("site-a", "restore"));
    assert_eq!(bed.broker.ask_as(&short, &ask_for("g")).head.status, 200);
    bed.broker.wait("it expires", |broker| broker.ask_as(&short, &ask_for("g")).head.status == 401);
    assert_eq!(bed.broker.audit().pop().unwrap()["reason"], "expired_token");
}

#[test]
fn a_forged_token_is_401() {
    let bed = Bed::start(&[]);
    bed.api.label("site-a", "g", "pg");
    let forged = token("site-a", AUDIENCE, 3600);
    let answer = bed.broker.ask_as(&forged, &ask_for("g"));
    bed.assert_refused(&answer, 401, "rejected_token");
    assert!(!answer.text().contains(&forged));
}

#[test]
fn somebody_who_is_no_service_account_is_403() {
    let bed = Bed::start(&[]);
    let admin = token("admin", AUDIENCE, 3600);
    let mut review = known("x", "y");
    review["user"]["username"] = "kubernetes-admin".into();
    bed.api.review(&admin, review);
    let answer = bed.broker.ask_as(&admin, &ask_for("g"));
    bed.assert_refused(&answer, 403, "not_a_service_account");
}

#[test]
fn a_namespace_without_labels_is_403_and_is_named() {
    let bed = Bed::start(&[]);
    bed.api.state.lock().unwrap().namespaces.insert("site-b".to_owned(), (json!({}), json!({})));
    let answer = bed.broker.ask_as(&bed.api.pod("site-b"), &ask_for("g"));
    let line = bed.assert_refused(&answer, 403, "wrong_namespace");
    assert_eq!(
        (&line["namespace"], &line["service_account"]),
        (&json!("site-b"), &json!("restore"))
    );
    assert!(
        body(&answer)["error"].as_str().unwrap().contains("pgro.bes.au/group"),
        "{}",
        answer.text()
    );
}

#[test]
fn a_namespace_that_is_gone_is_403() {
    let bed = Bed::start(&[]);
    let answer = bed.broker.ask_as(&bed.api.pod("gone"), &ask_for("g"));
    bed.assert_refused(&answer, 403, "wrong_namespace");
}

#[test]
fn another_group_is_403() {
    let bed = Bed::start(&[]);
    bed.api.label("site-b", "h", "pg");
    let answer = bed.broker.ask_as(&bed.api.pod("site-b"), &ask_for("g"));
    let line = bed.assert_refused(&answer, 403, "wrong_group");
    assert_eq!(line["namespace"], "site-b");
}

#[test]
fn another_type_is_403() {
    let bed = Bed::start(&[]);
    bed.api.label("site-b", "g", "etcd");
    let answer = bed.broker.ask_as(&bed.api.pod("site-b"), &ask_for("g"));
    bed.assert_refused(&answer, 403, "wrong_type");
}

#[test]
fn an_annotation_may_list_more_types_and_the_labels_keys_may_be_others() {
    let bed = Bed::start(&["--group-label", "x.io/site", "--type-label", "x.io/kind"]);
    let marks = (json!({"x.io/site": "g", "x.io/kind": "etcd"}), json!({"x.io/kinds": "pg, raft"}));
    bed.api.state.lock().unwrap().namespaces.insert("ns".to_owned(), marks);
    let token = bed.api.pod("ns");
    for (type_, status) in [("etcd", 200), ("pg", 200), ("raft", 200), ("files", 403)] {
        let answer = bed.broker.ask_as(&token, &json!({"group": "g", "type": type_}));
        assert_eq!(answer.head.status, status, "{type_}: {}", answer.text());
    }
}

#[test]
fn without_the_api_server_nobody_is_let_in() {
    for fault in [down(500), down(503), down(403), (200, vec![], "{\"kind\":\"hm\"".to_owned())] {
        let bed = Bed::start(&[]);
        bed.api.label("site-a", "g", "pg");
        let token = bed.api.pod("site-a");
        bed.api.set_fault(Some(fault.clone()));
        let answer = bed.broker.ask_as(&token, &ask_for("g"));
        assert_eq!(answer.head.header("retry-after"), Some("2"), "{fault:?}");
        bed.assert_refused(&answer, 503, "api_server_down");
        assert!(!bed.broker.run.stdout().contains(&token), "{fault:?}");
        bed.api.set_fault(None);
        assert_eq!(
            bed.broker.ask_as(&token, &ask_for("g")).head.status,
            200,
            "an outage is not remembered"
        );
    }
}

#[test]
fn a_namespace_that_cannot_be_read_is_no_refusal() {
    let bed = Bed::start(&[]);
    bed.api.label("site-a", "g", "pg");
    let token = bed.api.pod("site-a");
    bed.api.state.lock().unwrap().namespace_fault = Some(down(500));
    let answer = bed.broker.ask_as(&token, &ask_for("g"));
    let line = bed.assert_refused(&answer, 503, "api_server_down");
    assert_eq!(line["namespace"], "site-a", "the token was believed");
    bed.api.state.lock().unwrap().namespace_fault = None;
    assert_eq!(bed.broker.ask_as(&token, &ask_for("g")).head.status, 200);
}

#[test]
fn an_api_server_that_is_not_there_lets_nobody_in() {
    let plane = control_plane(HOUR);
    let setup = Setup::new(&format!("canopy:{}", plane.url()));
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let broker = guarded(setup, nowhere).start();
    let answer = broker.ask_as(&token("x", AUDIENCE, 3600), &ask_for("g"));
    assert_eq!(answer.head.status, 503, "{}", answer.text());
    assert_eq!(plane.count(), 0);
    assert_eq!(broker.audit().pop().unwrap()["reason"], "api_server_down");
    assert_eq!(
        broker.admin("/readyz").head.status,
        200,
        "what is held is still handed out to the known"
    );
}

#[test]
fn an_api_server_that_hangs_lets_nobody_in() {
    let bed = Bed::start(&[]);
    bed.api.fake.hold();
    let answer = bed.broker.ask_as(&bed.api.pod("site-a"), &ask_for("g"));
    bed.assert_refused(&answer, 503, "api_server_down");
}

#[test]
fn the_api_servers_word_is_remembered_and_asked_for_once() {
    let bed = Bed::start(&[]);
    bed.api.label("site-a", "g", "pg");
    let token = bed.api.pod("site-a");
    for _ in 0..10 {
        assert_eq!(bed.broker.ask_as(&token, &ask_for("g")).head.status, 200);
    }
    assert_eq!((bed.api.count("tokenreviews"), bed.api.count("namespaces/")), (1, 1));
    bed.api.set_fault(Some(down(500)));
    assert_eq!(bed.broker.ask_as(&token, &ask_for("g")).head.status, 200);
}

#[test]
fn a_label_that_is_taken_away_is_heard_of_soon() {
    let mut bed = Bed::start(&[]);
    bed.api.label("site-a", "g", "pg");
    let token = bed.api.pod("site-a");
    assert_eq!(bed.broker.ask_as(&token, &ask_for("g")).head.status, 200);
    bed.api.label("site-a", "other", "pg");
    let begun = Instant::now();
    bed.broker
        .wait("it is refused", |broker| broker.ask_as(&token, &ask_for("g")).head.status == 403);
    assert!(begun.elapsed() < 2 * MARKED, "{:?}", begun.elapsed());
}

#[test]
fn the_standard_variable_leads_to_the_cluster_too() {
    let (plane, api) = (control_plane(HOUR), ApiServer::start());
    let setup = Setup::new(&format!("canopy:{}", plane.url()));
    let path = setup.path("kubeconfig");
    write_config(&path, api.fake.address);
    let path = path.to_string_lossy().into_owned();
    let broker = setup.args(["--audience", AUDIENCE]).env("KUBECONFIG", &path).start();
    api.label("site-a", "g", "pg");
    assert_eq!(broker.ask_as(&api.pod("site-a"), &ask_for("g")).head.status, 200);
}

#[test]
fn an_open_door_is_loud() {
    let plane = control_plane(HOUR);
    let mut broker = Setup::open(&plane).start();
    assert_eq!(broker.ask(&ask_for("g")).head.status, 200);
    assert_eq!(broker.metric("credential_broker_anonymous"), Some(1.0));
    assert_eq!(broker.stats()["callers"], "anonymous");
    assert_eq!(broker.audit()[0]["namespace"], "anonymous");
    assert!(broker.run.stdout().contains("callers are NOT checked"));
    assert_eq!(broker.stop(), 0);
    let last = std::fs::read_to_string(broker.path("termination")).unwrap();
    assert!(last.contains("callers were NOT checked"), "{last}");
}
