// SPDX-License-Identifier: Apache-2.0
//! No policy, clock skew, tie or digit rollover deletes the newest or goes under the floor.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use snapshot::{
    Bytes, Class, Digest, Id, Manifest, Object, Place, Policy, Refusal, Rule, Source, SourceKind,
    Taken, Tool, Verdict, plan,
};

/// 2026-11-21T03:00:00Z.
const NOW: i64 = 1_795_230_000;

fn manifest(class: Class, seconds: i64, random: u32) -> Manifest {
    let time = Timestamp::from_second(seconds).unwrap();
    let id = Id::new(class, time, random.to_be_bytes());
    let place = Place::new("ns", "etcd").unwrap();
    let source = Source {
        kind: SourceKind::Etcd,
        place,
        endpoint: None,
        server_version: None,
        cluster_id: None,
        member_id: None,
    };
    let sha256 = Digest::of(b"");
    let object = Object { key: format!("{id}.snap"), bytes: 0, sha256, encoding: vec![] };
    let tool = Tool { version: "0".to_owned(), commit: "0".to_owned() };
    let taken = Taken { start: time, end: time };
    Manifest::new(id, source, taken, object, Bytes { bytes: 0, sha256 }, tool)
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Scheduled), Just(Class::Manual), Just(Class::PreUpgrade)]
}

/// Ties are made likely: few seconds, few random parts; some are years old.
fn manifests() -> impl Strategy<Value = Vec<Manifest>> {
    let age = prop_oneof![0..5i64, 0..100_000i64, 0..100_000_000i64];
    let one = (class(), age, 0..4u32);
    proptest::collection::vec(one, 0..60).prop_map(|all| {
        let unique: BTreeSet<(Class, i64, u32)> = all.into_iter().collect();
        unique.into_iter().map(|(class, age, random)| manifest(class, NOW - age, random)).collect()
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let few = || 0..6usize;
    let within = proptest::option::of((0..10_000_000i64).prop_map(SignedDuration::from_secs));
    (few(), within, few(), few(), few(), few(), few()).prop_map(
        |(last, within, hourly, daily, weekly, monthly, min_keep)| Policy {
            last,
            within,
            hourly,
            daily,
            weekly,
            monthly,
            min_keep,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_newest_and_the_floor_stay(
        manifests in manifests(), class in class(), policy in policy(), skew in -100_000_000i64..300,
    ) {
        // A clock that is behind refuses; one that is ahead makes all look older.
        let now = Timestamp::from_second(NOW - skew).unwrap();
        let Ok(plan) = plan(&manifests, class, &policy, &BTreeSet::new(), now) else { return Ok(()) };
        prop_assert_eq!(plan.0.len(), manifests.len());
        let mut of_class: Vec<_> = plan.0.iter().filter(|it| it.id.class() == class).collect();
        of_class.sort_by_key(|it| std::cmp::Reverse((it.time, it.id)));
        let floor = policy.min_keep.max(1);
        for decision in of_class.iter().take(floor) {
            prop_assert_ne!(&decision.verdict, &Verdict::Delete);
        }
        for decision in plan.0.iter().filter(|it| it.id.class() != class) {
            prop_assert_eq!(&decision.verdict, &Verdict::Keep(vec![Rule::OtherClass]));
        }
    }

    #[test]
    fn the_pinned_stay_whatever_the_policy(manifests in manifests(), policy in policy(), pick in any::<prop::sample::Index>()) {
        prop_assume!(!manifests.is_empty());
        let pinned = BTreeSet::from([pick.get(&manifests).id]);
        let now = Timestamp::from_second(NOW).unwrap();
        if let Ok(plan) = plan(&manifests, Class::Scheduled, &policy, &pinned, now) {
            prop_assert!(plan.deletions().all(|it| !pinned.contains(&it.id)));
        }
    }

    #[test]
    fn the_order_of_the_listing_decides_nothing(manifests in manifests(), policy in policy()) {
        let now = Timestamp::from_second(NOW).unwrap();
        let mut turned = manifests.clone();
        turned.reverse();
        let judge = |it: &[Manifest]| plan(it, Class::Scheduled, &policy, &BTreeSet::new(), now);
        prop_assert_eq!(judge(&manifests), judge(&turned));
    }

    #[test]
    fn what_stays_today_by_count_stays_when_it_is_asked_again(manifests in manifests(), policy in policy()) {
        let now = Timestamp::from_second(NOW).unwrap();
        let judge = |it: &[Manifest]| plan(it, Class::Scheduled, &policy, &BTreeSet::new(), now);
        let Ok(first) = judge(&manifests) else { return Ok(()) };
        let gone: BTreeSet<Id> = first.deletions().map(|it| it.id).collect();
        let left: Vec<Manifest> = manifests.into_iter().filter(|it| !gone.contains(&it.id)).collect();
        prop_assert_eq!(judge(&left).unwrap().deletions().count(), 0);
    }
}

fn ids(seconds: &[i64], policy: &Policy) -> Vec<i64> {
    let all: Vec<Manifest> = seconds.iter().map(|it| manifest(Class::Scheduled, *it, 0)).collect();
    let now = Timestamp::from_second(NOW).unwrap();
    let plan = plan(&all, Class::Scheduled, policy, &BTreeSet::new(), now).unwrap();
    let kept = plan.0.iter().filter(|it| it.verdict != Verdict::Delete);
    kept.map(|it| NOW - it.time.as_second()).collect()
}

#[test]
fn each_period_keeps_its_newest() {
    let hour = 3600;
    let every_hour: Vec<i64> = (0..100).map(|it| NOW - it * hour).collect();
    let daily = Policy { daily: 3, ..Policy::default() };
    // Now is 03:00, so the day before yesterday's last is 4 h and 28 h ago.
    assert_eq!(ids(&every_hour, &daily), [0, 4 * hour, 28 * hour]);
    let last = Policy { last: 2, hourly: 3, ..Policy::default() };
    assert_eq!(ids(&every_hour, &last), [0, hour, 2 * hour]);
}

#[test]
fn a_schedule_that_stopped_loses_nothing_by_age() {
    let year = 365 * 86_400;
    let within = Policy { within: Some(SignedDuration::from_hours(2)), ..Policy::default() };
    let old = [NOW - year, NOW - year - 3600, NOW - year - 3 * 3600];
    assert_eq!(ids(&old, &within), [year, year + 3600]);
}

#[test]
fn a_digit_rollover_is_no_order() {
    // Key order would put the year 999 behind the year 1000.
    let at = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
    let last = Policy { last: 1, ..Policy::default() };
    let kept = ids(&[at("2009-12-31T23:59:59Z"), at("2010-01-01T00:00:00Z")], &last);
    assert_eq!(kept, [NOW - at("2010-01-01T00:00:00Z")]);
}

#[test]
fn a_time_ahead_of_the_clock_stops_the_run() {
    let all = [manifest(Class::Manual, NOW + 3600, 0)];
    let now = Timestamp::from_second(NOW).unwrap();
    let policy = Policy { last: 1, ..Policy::default() };
    let refusal = plan(&all, Class::Scheduled, &policy, &BTreeSet::new(), now).unwrap_err();
    assert!(matches!(refusal, Refusal::Future { .. }));
    assert!(refusal.to_string().contains("1h ahead"), "{refusal}");
}

#[test]
fn a_floor_alone_is_no_policy() {
    let policy = Policy { min_keep: 5, ..Policy::default() };
    let now = Timestamp::from_second(NOW).unwrap();
    let refused = plan(&[], Class::Scheduled, &policy, &BTreeSet::new(), now);
    assert_eq!(refused, Err(Refusal::NoRule));
}
