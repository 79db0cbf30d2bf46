// SPDX-License-Identifier: Apache-2.0
//! What is held, for how long, and what becomes of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bed::{HOUR, PASSWORD, Setup, ask_for, body, control_plane, issued, number, problem};
use crate::fake::Fake;

#[test]
fn a_set_is_handed_out_again_and_again_and_issued_once() {
    let plane = control_plane(HOUR);
    let broker = Setup::open(&plane).start();
    let first = broker.ask(&ask_for("g"));
    assert_eq!(first.head.status, 200, "{}", first.text());
    assert_eq!(first.head.header("cache-control"), Some("no-store"));
    for _ in 0..5 {
        assert_eq!(broker.ask(&ask_for("g")).body, first.body);
    }
    assert_eq!(plane.count(), 1);
    let stats = broker.stats();
    assert_eq!(stats["grants"], json!({"issued": 1, "cached": 5}));
    assert_eq!((&stats["issuances"], &stats["entries"]), (&json!(1), &json!(1)));
    assert_eq!(broker.metric("credential_broker_grants_total{by=\"cached\"}"), Some(5.0));
}

#[test]
fn each_group_type_and_run_has_a_set_of_its_own() {
    let plane = control_plane(HOUR);
    let broker = Setup::open(&plane).start();
    let wishes = [
        json!({"group": "g", "type": "pg"}),
        json!({"group": "h", "type": "pg"}),
        json!({"group": "g", "type": "etcd"}),
        json!({"group": "g", "type": "pg", "run_id": "1"}),
        json!({"group": "g", "type": "pg", "run_id": "2"}),
    ];
    for (at, wish) in wishes.iter().enumerate() {
        assert_eq!(number(&broker.ask(wish)), at as u64, "{wish}");
    }
    for (at, wish) in wishes.iter().enumerate() {
        assert_eq!(number(&broker.ask(wish)), at as u64, "{wish}");
    }
}

#[test]
fn the_password_goes_only_to_those_who_ask_for_it() {
    let plane = control_plane(HOUR);
    let broker = Setup::open(&plane).start();
    let mut wish = ask_for("g");
    assert_eq!(body(&broker.ask(&wish)).get("repo_password"), None);
    wish["repo_password"] = true.into();
    assert_eq!(body(&broker.ask(&wish))["repo_password"], PASSWORD);
    assert_eq!(plane.count(), 1, "it was held beside the set");
    let audit = broker.audit();
    let handed: Vec<_> = audit.iter().map(|line| line["repo_password"].clone()).collect();
    assert_eq!(handed, [json!(false), json!(true)]);

    let legacy = Setup::open(&plane).args(["--legacy-wire"]).start();
    assert_eq!(body(&legacy.ask(&ask_for("g")))["repo_password"], PASSWORD);
    assert!(legacy.run.stdout().contains("asked for or not"), "{}", legacy.run.stdout());
}

/// Sets of 5 s are fresh for 4 s.
#[test]
fn a_set_is_replaced_a_fifth_of_its_life_before_its_end() {
    let plane = control_plane(Duration::from_secs(5));
    let broker = Setup::open(&plane).start();
    let begun = Instant::now();
    assert_eq!(number(&broker.ask(&ask_for("g"))), 0);
    let mut replaced = begun.elapsed();
    while number(&broker.ask(&ask_for("g"))) == 0 {
        replaced = begun.elapsed();
        std::thread::sleep(Duration::from_millis(20));
    }
    let last = begun.elapsed();
    // The last answer with the old set was asked for before its margin, the first with the new one after it.
    assert!(
        replaced < Duration::from_secs(5),
        "an old set was handed out at its end: {replaced:?}"
    );
    assert!(last >= Duration::from_millis(3900), "replaced too early: {last:?}");
}

#[test]
fn an_old_set_serves_while_it_is_valid_and_the_control_plane_is_down() {
    let issues = AtomicU64::new(0);
    let plane = Fake::start(move |_| match issues.fetch_add(1, Ordering::SeqCst) {
        0 => issued(0, Duration::from_secs(6)),
        _ => problem(502, "the issuer is down"),
    });
    let mut broker = Setup::open(&plane).start();
    let first = broker.ask(&ask_for("g"));
    broker.wait("the set is old and is handed out", |broker| {
        broker.ask(&ask_for("g"));
        broker.stats()["grants"]["old"].as_u64().is_some()
    });
    assert_eq!(broker.ask(&ask_for("g")).body, first.body);
    // Its end is real: nobody is handed a set that no store takes.
    broker.wait("the set is over", |broker| broker.ask(&ask_for("g")).head.status == 502);
    let audit = broker.audit();
    assert!(audit.iter().any(|line| line["origin"] == "old"), "{audit:?}");
    broker.wait("nothing is held", |broker| broker.stats()["entries"] == 0);
}

#[test]
fn an_old_set_is_not_waited_for_long_when_the_control_plane_hangs() {
    let plane = control_plane(Duration::from_secs(10));
    let broker = Setup::open(&plane).args(["--answer-within", "4s"]).start();
    let first = broker.ask(&ask_for("g"));
    plane.hold();
    while plane.count() < 2 {
        let begun = Instant::now();
        assert_eq!(broker.ask(&ask_for("g")).body, first.body);
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(broker.stats()["grants"]["old"], 1);
    plane.release();
}

#[test]
fn what_is_over_is_dropped_though_nobody_asks() {
    let plane = control_plane(Duration::from_secs(2));
    let mut broker = Setup::open(&plane).start();
    for group in 0..20 {
        broker.ask(&ask_for(&format!("g{group}")));
    }
    assert_eq!(broker.stats()["entries"], 20);
    broker.wait("nothing is held", |broker| broker.stats()["entries"] == 0);
    assert_eq!(broker.metric("credential_broker_entries"), Some(0.0));
}

#[test]
fn no_more_is_held_than_may_be_and_the_least_used_goes() {
    let plane = control_plane(HOUR);
    let broker = Setup::open(&plane).args(["--max-entries", "3"]).start();
    for group in ["a", "b", "c", "a", "d"] {
        broker.ask(&ask_for(group));
    }
    assert_eq!(broker.stats()["entries"], 3);
    assert_eq!(broker.stats()["evictions"], 1);
    assert_eq!(plane.count(), 4);
    broker.ask(&ask_for("a"));
    assert_eq!(plane.count(), 4, "a was used lately");
    broker.ask(&ask_for("b"));
    assert_eq!(plane.count(), 5, "b had to go");
}

#[test]
fn a_set_without_end_is_handed_out() {
    let plane = Fake::start(|_| {
        let set = json!({"Version": 1, "AccessKeyId": "AKIA1", "SecretAccessKey": "s"});
        (200, vec![], json!({"credentials": set}).to_string())
    });
    let broker = Setup::open(&plane).start();
    let set = body(&broker.ask(&ask_for("g")));
    assert_eq!(set["credentials"]["AccessKeyId"], "AKIA1");
    assert_eq!(set["credentials"].get("Expiration"), None);
}

#[test]
fn a_set_that_the_store_refuses_before_its_end_is_not_handed_out_again() {
    // Its first moments, in which no refusal counts, are half a second.
    let plane = control_plane(Duration::from_secs(10));
    let mut broker = Setup::open(&plane).start();
    let wish = ask_for("g");
    assert_eq!(number(&broker.ask(&wish)), 0);
    assert_eq!(
        number(&broker.ask_instead_of(9, &wish)),
        0,
        "another set's refusal is none of this one's"
    );
    broker.wait("another set", |broker| number(&broker.ask_instead_of(0, &wish)) == 1);
    assert_eq!(broker.stats()["revoked"], 1);
    assert!(number(&broker.ask_instead_of(0, &wish)) >= 1, "it is gone already");
}
