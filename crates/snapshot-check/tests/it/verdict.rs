// SPDX-License-Identifier: Apache-2.0
//! What listing and manifests tell.

use snapshot::Class;
use stock::{Folder, Sample};

use crate::{PLACE, check, findings};

/// A store with one of these each.
fn daily(hours: &[i64]) -> (Folder, Vec<Sample>) {
    let samples: Vec<Sample> = hours.iter().map(|hours| Sample::new(PLACE, *hours)).collect();
    (Folder::with(&samples.iter().collect::<Vec<_>>()), samples)
}

#[test]
fn fresh_and_complete_backups_are_good() {
    let (folder, samples) = daily(&[1, 25, 49]);
    folder.put(&Sample::new("ns/other", 2));
    let before = folder.tree();
    let ended = check(&folder, &["--expect", "ns/etcd", "--expect", "ns/other"]).end();
    ended.assert(0, &["good: 4 snapshots of 2 clusters, 0 oddities"]);
    let newest = format!("3 snapshots, newest {} (1h 00m old)", samples[0].id());
    assert!(ended.stdout.contains(&newest), "{}", ended.stdout);
    let report = check(&folder, &["--json"]).end().json();
    assert_eq!(report["verdict"], "good");
    assert_eq!(report["clusters"][0]["newest"]["id"], samples[0].id().to_string());
    assert_eq!(report["clusters"][0]["newest"]["age_seconds"].as_i64().unwrap() / 60, 60);
    assert_eq!(folder.tree(), before, "a check changes nothing");
}

#[test]
fn a_newest_that_is_too_old_is_bad() {
    let (folder, samples) = daily(&[26, 50]);
    let ended = check(&folder, &[]).end();
    ended.assert(
        65,
        &["bad: 1 findings", &samples[0].id().to_string(), "1d 2h old, allowed are 1d 1h"],
    );
    assert!(ended.stdout.starts_with("BAD     ns/etcd"), "{}", ended.stdout);
    check(&folder, &["--max-age", "27h"]).end().assert(0, &["good"]);
}

#[test]
fn a_snapshot_of_another_class_is_no_fresh_one() {
    let (folder, _) = daily(&[50]);
    folder.put(&Sample::new(PLACE, 1).class(Class::Manual));
    check(&folder, &[]).end().assert(65, &["old, allowed are"]);
    check(&folder, &["--class", "manual"]).end().assert(0, &["good"]);
    check(&folder, &["--class", "pre-upgrade"]).end().assert(65, &["no pre-upgrade snapshot"]);
}

#[test]
fn a_cluster_that_is_expected_and_has_none_is_bad() {
    let (folder, _) = daily(&[1]);
    let expecting = check(&folder, &["--expect", "ns/etcd,ns/lost"]).end();
    expecting.assert(65, &["there is no scheduled snapshot"]);
    assert!(expecting.stdout.contains("BAD     ns/lost"), "{}", expecting.stdout);
    let named = ["--namespace", "ns", "--cluster", "lost"];
    check(&folder, &named).end().assert(65, &["there is no scheduled snapshot"]);
    let named = ["--namespace", "ns", "--cluster", "etcd", "--expect", "ns/lost"];
    check(&folder, &named).end().assert(65, &["bad: 1 findings"]);
}

#[test]
fn a_cluster_whose_runs_never_got_as_far_as_a_manifest_is_bad() {
    for key in [
        format!("ns/etcd/runs/{}.json", "0a".repeat(32)),
        "ns/etcd/2026-11-21T03-00-00Z-0123abcd.snap".to_owned(),
    ] {
        let folder = Folder::new();
        folder.write(&key, "{}");
        check(&folder, &[]).end().assert(65, &["there is no scheduled snapshot"]);
    }
}

#[test]
fn a_cluster_whose_name_begins_alike_stands_for_no_other() {
    let folder = Folder::with(&[&Sample::new("ns/etcd-2", 1)]);
    check(&folder, &["--expect", "ns/etcd"]).end().assert(65, &["no scheduled snapshot"]);
}

#[test]
fn a_gap_in_the_schedule_is_odd_and_restores() {
    let (folder, samples) = daily(&[1, 25, 75, 99]);
    let ended = check(&folder, &[]).end();
    ended.assert(0, &["good", "1 oddities"]);
    let line = format!("odd     {}: none was taken for 2d 2h before it", samples[1].id());
    assert!(ended.stdout.contains(&line), "{}", ended.stdout);
}

#[test]
fn what_retention_has_thinned_out_long_ago_is_no_gap() {
    let (folder, _) = daily(&[1, 25, 49, 24 * 8, 24 * 30]);
    let report = check(&folder, &["--json"]).end().json();
    assert_eq!(findings(&report, "odd"), []);
}

#[test]
fn a_newest_of_half_the_usual_size_is_odd_and_restores() {
    let (folder, _) = daily(&[]);
    for hours in [25, 49, 73] {
        folder.put(&Sample::new(PLACE, hours).content("x".repeat(1000)));
    }
    folder.put(&Sample::new(PLACE, 1).content("x".repeat(400)));
    let ended = check(&folder, &[]).end();
    ended.assert(0, &["1 oddities"]);
    assert!(ended.stdout.contains("it has 400 bytes, the ones before it about 1000"));
}

#[test]
fn keys_that_vanish_are_odd_though_the_size_stays() {
    let folder = Folder::with(&[&Sample::etcd(PLACE, 25), &Sample::etcd(PLACE, 49)]);
    folder.put(&Sample::etcd(PLACE, 1).saying(|facts| facts.live_keys = 3));
    let ended = check(&folder, &[]).end();
    ended.assert(0, &["1 oddities"]);
    assert!(ended.stdout.contains("it has 3 keys, the ones before it about 62"));
}

#[test]
fn data_that_is_missing_or_of_another_size_is_bad_however_old_it_is() {
    let (folder, samples) = daily(&[1, 25, 49]);
    folder.remove(&samples[1].data_key());
    folder.write(&samples[2].data_key(), "cut");
    let ended = check(&folder, &["--json"]).end();
    let report = ended.assert(65, &["bad: 2 findings"]).json();
    let of = |at: usize, what: &str| (samples[at].id().to_string(), what.to_owned());
    let size = samples[2].stored().len();
    let cut = format!("its data has 3 bytes, its manifest says {size}");
    assert_eq!(findings(&report, "bad"), [of(2, &cut), of(1, "its data is not there")]);
}

#[test]
fn a_manifest_that_cannot_be_read_is_bad() {
    let (folder, samples) = daily(&[1, 25]);
    for (manifest, words) in [("{", "not a document"), (r#"{"version": "2.0"}"#, "newer release")] {
        folder.write(&samples[1].manifest_key(), manifest);
        check(&folder, &[]).end().assert(65, &[&samples[1].manifest_key(), words]);
    }
}

#[test]
fn a_snapshot_from_the_future_is_bad() {
    let (folder, samples) = daily(&[-3, 1]);
    check(&folder, &[])
        .end()
        .assert(65, &[&samples[0].id().to_string(), "ahead: its clock or this one is wrong"]);
}

#[test]
fn orphans_are_counted_and_are_no_harm() {
    let (folder, _) = daily(&[1]);
    folder.write("ns/etcd/2026-01-01T00-00-00Z-00000000.snap", "orphan");
    let ended = check(&folder, &[]).end();
    ended.assert(0, &["good"]);
    assert!(ended.stdout.contains("1 orphans"), "{}", ended.stdout);
}
