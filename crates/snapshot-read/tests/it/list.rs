// SPDX-License-Identifier: Apache-2.0
//! What there is, as a table and as JSON.

use snapshot::Encoding::{Age, Zstd};
use snapshot::{Class, Manifest};
use stock::{Bucket, Folder, Keys, Sample};

use crate::{PLACE, PLACED, program, read};

/// The third column of the table's rows.
fn ids(table: &str) -> Vec<&str> {
    let id = |line| str::split_whitespace(line).nth(3).unwrap();
    table.lines().skip(1).map(id).collect()
}

#[test]
fn the_table_has_a_line_a_snapshot_newest_first() {
    let keys = Keys::random();
    let sealed = Sample::etcd(PLACE, 3).encoded(&[Zstd, Age], Some(&keys));
    let [new, old] = [Sample::etcd(PLACE, 1), Sample::new(PLACE, 5)];
    let folder = Folder::with(&[&old, &sealed, &new]);
    folder.write("ns/etcd/README.txt", "of another tool");
    folder.write("ns/etcd/2026-01-01T00-00-00Z-00000000.snap", "orphan");
    let ended = read(&folder, &["list"]).end();
    let table = &ended.assert(0, &["3 snapshots"]).stdout;
    let lines: Vec<&str> = table.lines().collect();
    let of = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(of(lines[0]), ["TIME", "CLUSTER", "ID", "BYTES", "STORED", "REVISION", "KEYS"]);
    assert_eq!(ids(table), [&new, &sealed, &old].map(|it| it.id().to_string()));
    let (bytes, id) = (new.bytes().len().to_string(), new.id().to_string());
    let bytes = bytes.as_str();
    assert_eq!(of(lines[1])[2..], [PLACE, &id, bytes, bytes, "8", "62"]);
    let stored = sealed.stored().len().to_string();
    assert_eq!(of(lines[2])[4..], [bytes, "zstd+age", &stored, "8", "62"]);
    assert_eq!(of(lines[3])[6..], ["-", "-"]);
    assert!(lines[1].starts_with(&new.id().time().strftime("%Y-%m-%d %H:%M:%SZ").to_string()));
}

#[test]
fn the_json_is_the_manifests_one_a_line() {
    let samples = [Sample::etcd(PLACE, 1), Sample::new("ns/other", 2)];
    let folder = Folder::with(&samples.iter().collect::<Vec<_>>());
    let ended = read(&folder, &["list", "--json"]).end();
    let lines = ended.assert(0, &["2 snapshots"]).stdout.lines();
    let manifests: Vec<_> = lines.map(|it| Manifest::from_bytes(it.as_bytes()).unwrap()).collect();
    assert_eq!(manifests, samples.map(|it| it.manifest()));
}

#[test]
fn one_cluster_of_several_is_listed_alone() {
    let samples = ["ns/etcd", "ns/etcd-2", "other/etcd"].map(|place| Sample::new(place, 1));
    let folder = Folder::with(&samples.iter().collect::<Vec<_>>());
    let all = read(&folder, &["list"]).end();
    assert_eq!(ids(&all.stdout), samples.each_ref().map(|it| it.id().to_string()));
    let one = read(&folder, &["list"]).args(PLACED).end();
    assert_eq!(ids(&one.stdout), [samples[0].id().to_string()]);
}

#[test]
fn one_class_of_several_is_listed_alone() {
    let manual = Sample::new(PLACE, 2).class(Class::Manual);
    let folder = Folder::with(&[&Sample::new(PLACE, 1), &manual]);
    let ended = read(&folder, &["list", "--class", "manual"]).end();
    assert_eq!(ids(&ended.assert(0, &["1 snapshots"]).stdout), [manual.id().to_string()]);
}

#[test]
fn a_manifest_that_cannot_be_read_is_told_and_the_others_are_listed() {
    let samples = [1, 2].map(|hours| Sample::new(PLACE, hours));
    let folder = Folder::with(&samples.iter().collect::<Vec<_>>());
    folder.write(&samples[0].manifest_key(), "{");
    let ended = read(&folder, &["list"]).end();
    ended.assert(2, &["1 snapshots", "1 manifests cannot be read", &samples[0].manifest_key()]);
    assert_eq!(ids(&ended.stdout), [samples[1].id().to_string()]);
}

#[test]
fn an_empty_store_has_no_snapshots_and_one_that_is_not_there_is_named() {
    read(&Folder::new(), &["list"]).end().assert(0, &["0 snapshots"]);
    program(&["list", "--from", "file:///is/not/there"]).end().assert(69, &["is not a folder"]);
    let bucket = Bucket::new();
    let run = program(&["list", "--from", "s3://gone/pre"]).args(bucket.flags());
    run.end().assert(69, &["s3://gone does not exist"]);
}

#[test]
fn a_bucket_is_listed_over_more_than_one_page() {
    let samples: Vec<Sample> = (0..505).map(|hours| Sample::new(PLACE, hours)).collect();
    let bucket = Bucket::with(&samples.iter().collect::<Vec<_>>());
    let run = program(&["list", "--from", &bucket.url()]).args(bucket.flags());
    let ended = run.end();
    let wanted: Vec<String> = samples.iter().map(|it| it.id().to_string()).collect();
    assert_eq!(ids(&ended.assert(0, &["505 snapshots"]).stdout), wanted);
}
