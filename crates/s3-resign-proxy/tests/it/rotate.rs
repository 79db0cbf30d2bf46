// SPDX-License-Identifier: Apache-2.0
//! Credentials die, issuers fall silent, stores change their mind: the caller sees none of it, or a
//! word that makes it try again.

use std::time::{Duration, Instant};

use testbed::{Fault, FaultPlan, Match, Mood, Skew, wait_until};

use crate::bed::{Bed, LONG};
use crate::client::{Form, assert_error, assert_ok, code};
use crate::proxy::SOON;

const FATAL: &str = "The provided token has expired";
const LAST_ERROR: &str = "s3_resign_proxy_credential_last_error";

#[test]
fn requests_never_fail_while_credentials_of_three_seconds_rotate() {
    let bed = Bed::with_lifetime(Duration::from_secs(3));
    let proxy = bed.setup().ready();
    let client = proxy.client();
    let until = Instant::now() + Duration::from_secs(8);
    let mut sent = 0;
    while Instant::now() < until {
        assert_ok(&client.put("/bucket/k", "x").send());
        assert_ok(&client.get("/bucket/k").send());
        sent += 2;
    }
    assert!(bed.store.counts().keys_with_ok_data() >= 3, "{sent} requests, too few sets");
    assert_eq!(bed.store.counts().failed, 0);
}

#[test]
fn without_an_issuer_at_start_it_waits_says_why_and_answers_at_once() {
    let bed = Bed::new();
    bed.issuer.set_mood(Mood::Unavailable);
    let mut proxy = bed.setup().fixed_pair().start();
    let (code, said) = proxy.probe();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("credentials"), "{said}");
    let client = proxy.client_with(crate::proxy::FIXED.0, crate::proxy::FIXED.1);
    let asked = Instant::now();
    assert_error(&client.get("/bucket/k").send(), 503, "SlowDown");
    assert!(asked.elapsed() < Duration::from_secs(2), "the caller had to wait");
    wait_until(SOON, "the probe names the issuer", || proxy.probe().1.contains("503")).unwrap();
    bed.issuer.set_mood(Mood::Serving);
    proxy.wait_ready();
    assert_ok(&client.put("/bucket/k", "x").send());
    assert_eq!(proxy.probe().0, 0);
}

#[test]
fn an_issuer_that_refuses_for_good_is_a_403_with_its_word() {
    let bed = Bed::new();
    bed.issuer.set_mood(Mood::Denied);
    let proxy = bed.setup().fixed_pair().start();
    let client = proxy.client_with(crate::proxy::FIXED.0, crate::proxy::FIXED.1);
    wait_until(SOON, "the refusal is known", || client.get("/bucket/k").send().head.status == 403)
        .unwrap();
    assert_error(&client.get("/bucket/k").send(), 403, "AccessDenied");
}

#[test]
fn an_issuer_that_falls_silent_later_is_not_noticed_while_the_set_is_valid() {
    let bed = Bed::with_lifetime(Duration::from_secs(6));
    let proxy = bed.setup().ready();
    assert_ok(&proxy.client().put("/bucket/k", "x").send());
    bed.issuer.set_mood(Mood::Hanging);
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        assert_ok(&proxy.client().get("/bucket/k").send());
    }
    assert_eq!(bed.store.counts().failed, 0);
}

/// The set that is held outlives whatever is said about the next one.
#[test]
fn an_issuer_that_fails_or_refuses_later_is_not_noticed_while_the_set_is_valid() {
    std::thread::scope(|scope| {
        for mood in [Mood::Denied, Mood::Conflict, Mood::Unavailable, Mood::Garbled] {
            scope.spawn(move || {
                let bed = Bed::with_lifetime(Duration::from_secs(12));
                let proxy = bed.setup().ready();
                let client = proxy.client();
                assert_ok(&client.put("/bucket/k", "x").send());
                bed.issuer.set_mood(mood);
                let before = bed.issuer.requests();
                wait_until(SOON, "the issuer is asked", || bed.issuer.requests() > before).unwrap();
                let known = || proxy.metric(LAST_ERROR) == Some(1.0);
                wait_until(SOON, "its answer is known", known).unwrap();
                assert_ok(&client.get("/bucket/k").send());
                assert_eq!(bed.store.counts().failed, 0, "{mood:?}");
            });
        }
    });
}

#[test]
fn what_the_issuer_says_decides_between_try_again_and_give_up() {
    let bed = Bed::new();
    let failing = |status, words| (Mood::Failing { status, words, retry_after: None }, words);
    for ((mood, words), status, code) in [
        (failing(400, "no such group"), 403, "AccessDenied"),
        (failing(401, "who are you"), 403, "AccessDenied"),
        (failing(403, "no enabled declaration"), 403, "AccessDenied"),
        (failing(409, "no ready configuration"), 403, "AccessDenied"),
        (failing(412, "the device is not bound"), 403, "AccessDenied"),
        (failing(429, "too many"), 503, "SlowDown"),
        (failing(500, "a defect"), 503, "SlowDown"),
        (failing(502, FATAL), 503, "SlowDown"),
        (failing(403, FATAL), 403, "AccessDenied"),
        ((Mood::Garbled, "not JSON"), 503, "SlowDown"),
        ((Mood::Refusing, "refused"), 503, "SlowDown"),
    ] {
        bed.issuer.set_mood(mood);
        let proxy = bed.setup().fixed_pair().start();
        let client = proxy.client_with(crate::proxy::FIXED.0, crate::proxy::FIXED.1);
        let known = || proxy.metric(LAST_ERROR) == Some(1.0);
        wait_until(SOON, "the issuer's answer is known", known).unwrap();
        let answer = client.get("/bucket/k").send();
        assert_error(&answer, status, code);
        let text = answer.text();
        assert!(!text.contains(FATAL), "{mood:?}: {text}");
        assert!(words == FATAL || text.to_lowercase().contains(&words.to_lowercase()), "{text}");
    }
}

#[test]
fn a_revoked_set_is_replaced_and_the_request_is_sent_again() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let client = proxy.client();
    assert_ok(&client.put("/bucket/k", "x").send());
    for _ in 0..3 {
        bed.store.keyring().revoke_all();
        assert_ok(&client.get("/bucket/k").send());
        bed.store.keyring().revoke_all();
        assert_ok(&client.put("/bucket/small", "held and sent again").send());
        bed.store.keyring().revoke_all();
        assert_ok(&client.head("/bucket/k").send());
    }
    assert!(bed.store.counts().expired_answers >= 6);
}

#[test]
fn a_large_upload_under_a_revoked_set_is_asked_for_again_and_passes_then() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let client = proxy.client();
    let chunks = vec![vec![5; 64 * 1024]; 40];
    bed.store.keyring().revoke_all();
    let answer = client.put("/bucket/large", "").form(Form::Signed(chunks.clone())).send();
    assert_error(&answer, 503, "SlowDown");
    assert!(!answer.text().contains(FATAL));
    wait_until(SOON, "a fresh set", || {
        client.put("/bucket/large", "").form(Form::Signed(chunks.clone())).send().head.status == 200
    })
    .unwrap();
}

#[test]
fn the_phrase_that_ends_a_run_never_reaches_the_caller() {
    let bed = Bed::new();
    let front = bed.front();
    let proxy = bed.setup_to(&front.url()).ready();
    let client = proxy.client();
    front.plan(FaultPlan::one(Match::any(), Fault::ExpiredToken));
    for answer in [client.get("/bucket/k").send(), client.put("/bucket/k", vec![1; 300_000]).send()]
    {
        assert!(!answer.text().contains(FATAL), "{}", answer.text());
        assert_eq!(answer.head.status, 503, "{}", answer.text());
    }
}

#[test]
fn a_store_with_another_clock_is_served_by_its_own() {
    let hour = Duration::from_secs(3600);
    for skew in [Skew::Ahead(hour), Skew::Behind(hour)] {
        let bed = Bed::with(LONG * 10, |config| config);
        bed.store.set_skew(skew);
        let proxy = bed.setup().ready();
        assert_ok(&proxy.client().put("/bucket/k", "x").send());
        assert_ok(&proxy.client().get("/bucket/k").send());
    }
}

#[test]
fn a_store_that_breaks_off_is_a_retryable_error_or_unnoticed() {
    let bed = Bed::new();
    let front = bed.front();
    let proxy = bed.setup_to(&front.url()).ready();
    let client = proxy.client();
    assert_ok(&client.put("/bucket/k", "x").send());
    front.plan(FaultPlan::one(Match::method("GET").times(1), Fault::ResetResponseAt(0)));
    assert_ok(&client.get("/bucket/k").send());
    front.plan(FaultPlan::one(Match::method("PUT"), Fault::ResetRequestAt(100_000)));
    let answer = client.put("/bucket/large", vec![3; 2 << 20]).send();
    assert_error(&answer, 503, "SlowDown");
    front.plan(FaultPlan::one(Match::method("PUT").times(2), Fault::slow_down()));
    let answer = client.put("/bucket/k", vec![1; 100_000]).send();
    assert_eq!((answer.head.status, code(&answer).as_str()), (503, "SlowDown"));
}

#[test]
fn an_early_refusal_of_an_upload_reaches_the_caller_as_an_error_of_s3() {
    let bed = Bed::new();
    let front = bed.front();
    let proxy = bed.setup_to(&front.url()).ready();
    front.plan(FaultPlan::one(Match::method("PUT"), Fault::early_403()));
    let answer = proxy.client().put("/bucket/large", vec![3; 8 << 20]).send();
    assert!(matches!(answer.head.status, 403 | 503), "{}", answer.text());
    assert!(answer.text().contains("<Code>"), "{}", answer.text());
}

#[test]
fn a_get_that_the_store_cuts_is_cut_for_the_caller_too() {
    let bed = Bed::new();
    let front = bed.front();
    let proxy = bed.setup_to(&front.url()).ready();
    let client = proxy.client();
    assert_ok(&client.put("/bucket/k", vec![1; 500_000]).send());
    front.plan(FaultPlan::one(Match::method("GET"), Fault::CutResponseAt(200_000)));
    let answer = client.get("/bucket/k").send();
    assert!(!answer.complete, "a cut answer looked whole");
}
