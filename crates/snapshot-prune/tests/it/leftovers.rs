// SPDX-License-Identifier: Apache-2.0
//! Data that nobody names, old run records, and what belongs to others.

use snapshot::Class;
use stock::{Folder, Sample};

use crate::{PLACE, hourly, prune};

const ARGS: [&str; 5] = ["--keep-last", "1", "--min-keep", "1", "--apply"];
const OLD: u64 = 24 * 8;

#[test]
fn data_that_no_manifest_names_goes_once_it_is_old() {
    let sample = Sample::new(PLACE, 24 * 9);
    let folder = Folder::with(&[&sample]);
    // The snapshot's own data is as old, and is named; another attempt's is not.
    folder.write_old(&sample.data_key(), sample.stored(), OLD);
    let attempt = format!("ns/etcd/{}-00c0ffee.snap", sample.id());
    let old = "ns/etcd/2026-01-01T00-00-00Z-00000000.snap.zst.age";
    let young = "ns/etcd/2026-01-01T00-00-00Z-00000001.snap";
    folder.write_old(&attempt, "lost", OLD);
    folder.write_old(old, "orphan", OLD);
    folder.write_old(young, "orphan", 24 * 6);
    let ended = prune(&folder, &ARGS).end();
    ended.assert(0, &["deleted 0 snapshots and 2 leftovers"]);
    assert!(folder.has_whole(&sample) && folder.has(young));
    assert!(!folder.has(&attempt) && !folder.has(old));
    let sooner = [&ARGS[..], &["--orphan-age", "5d"]].concat();
    prune(&folder, &sooner).end().assert(0, &["1 leftovers"]);
    assert!(folder.has_whole(&sample) && !folder.has(young));
}

#[test]
fn data_of_a_later_attempt_that_its_manifest_names_stays() {
    let sample = Sample::new(PLACE, 1);
    let folder = Folder::new();
    let name = format!("{}-00c0ffee.snap", sample.id());
    let mut manifest = sample.manifest();
    manifest.object.key = name.clone();
    folder.write(&sample.manifest_key(), manifest.to_bytes().unwrap());
    folder.write_old(&format!("ns/etcd/{name}"), sample.stored(), OLD);
    folder.write_old(&sample.data_key(), "that of the attempt that lost", OLD);
    prune(&folder, &ARGS).end().assert(0, &["1 leftovers"]);
    assert!(folder.has(&format!("ns/etcd/{name}")) && !folder.has(&sample.data_key()));
}

#[test]
fn old_run_records_go_and_young_ones_stay() {
    let sample = Sample::new(PLACE, 1);
    let folder = Folder::with(&[&sample]);
    let record = |digit: &str| format!("ns/etcd/runs/{}.json", digit.repeat(64));
    folder.write_old(&record("a"), "{}", OLD);
    folder.write_old(&record("b"), "{}", 24 * 6);
    let ended = prune(&folder, &ARGS).end();
    ended.assert(0, &["1 leftovers"]);
    assert!(ended.stdout.contains("1 old run records: delete"), "{}", ended.stdout);
    assert!(!folder.has(&record("a")) && folder.has(&record("b")));
}

#[test]
fn objects_of_other_tools_are_never_touched() {
    let samples = hourly(PLACE, 3);
    let folder = Folder::with(&samples.iter().collect::<Vec<_>>());
    let others = [
        "ns/etcd/README.txt",
        "ns/etcd/etcd-backup.db",
        "ns/etcd/runs/notes.json",
        "ns/etcd/old/2026-01-01T00-00-00Z-00000000.snap",
        "ns/etcd/2026-01-01T00-00-00Z-00000000.snap.gz",
        "ns/2026-01-01T00-00-00Z-00000000.snap",
    ];
    others.iter().for_each(|key| folder.write_old(key, "of another tool", 24 * 400));
    let ended = prune(&folder, &ARGS).end();
    ended.assert(0, &["deleted 2 snapshots and 0 leftovers"]);
    assert!(ended.stdout.contains("5 objects of other tools: left alone"), "{}", ended.stdout);
    others.iter().for_each(|key| assert!(folder.has(key), "{key}"));
}

#[test]
fn an_adopted_object_stays_when_its_snapshot_goes() {
    let (inside, outside) = ("ns/etcd/etcd-backup.db", "elsewhere/etcd.db");
    let new = Sample::new(PLACE, 1);
    let adopted = [inside, outside].map(|key| Sample::new(PLACE, 48).adopting(key));
    let folder = Folder::with(&[&new, &adopted[0], &adopted[1]]);
    folder.write_old(inside, adopted[0].stored(), 24 * 400);
    folder.write_old(outside, adopted[1].stored(), 24 * 400);
    prune(&folder, &ARGS).end().assert(0, &["deleted 2 snapshots and 0 leftovers"]);
    assert!(adopted.iter().all(|it| !folder.has(&it.manifest_key())));
    assert!(folder.has(inside) && folder.has(outside) && folder.has_whole(&new));
}

#[test]
fn data_of_ours_that_was_adopted_is_no_orphan() {
    let lost = Sample::new(PLACE, 24 * 9);
    let key = lost.data_key();
    let content = lost.stored().to_vec();
    let adopted =
        Sample::new(PLACE, 1).class(Class::Manual).content(content.clone()).adopting(&key);
    let folder = Folder::with(&[&Sample::new(PLACE, 1), &adopted]);
    folder.write_old(&key, &content, OLD);
    prune(&folder, &ARGS).end().assert(0, &["0 leftovers"]);
    assert!(folder.has(&key));
}

#[test]
fn data_that_another_manifest_has_adopted_outlives_its_own() {
    let [new, old] = [1, 48].map(|hours| Sample::new(PLACE, hours));
    let held = Sample::new(PLACE, 47).class(Class::Manual).content(old.stored());
    let held = held.adopting(&old.data_key());
    let folder = Folder::with(&[&new, &old, &held]);
    prune(&folder, &ARGS).end().assert(0, &["deleted 1 snapshots"]);
    assert!(!folder.has(&old.manifest_key()), "its own manifest is gone");
    assert!(folder.has(&old.data_key()) && folder.has(&held.manifest_key()));
}

#[test]
fn what_a_manifest_names_that_is_not_named_like_ours_stays() {
    let [new, old] = [1, 48].map(|hours| Sample::new(PLACE, hours).content("alike"));
    let folder = Folder::with(&[&new]);
    let mut manifest = old.manifest();
    for name in ["etcd-backup.db", &new.manifest().object.key] {
        manifest.object.key = name.to_owned();
        folder.write(&old.manifest_key(), manifest.to_bytes().unwrap());
        if name == "etcd-backup.db" {
            folder.write("ns/etcd/etcd-backup.db", old.stored());
        }
        prune(&folder, &ARGS).end().assert(0, &["deleted 1 snapshots"]);
        assert!(folder.has("ns/etcd/etcd-backup.db") && folder.has_whole(&new), "{name}");
    }
}
