// SPDX-License-Identifier: Apache-2.0
//! Which snapshot is brought back, and that it is the very content.

use snapshot::Class;
use snapshot::Encoding::{Age, Zstd};
use stock::{Bucket, Folder, Keys, Sample};

use crate::{Desk, PLACE};

#[test]
fn the_latest_is_the_newest_by_time() {
    let samples = [Sample::new(PLACE, 2), Sample::new(PLACE, 1), Sample::new(PLACE, 3)];
    let folder = Folder::with(&samples.iter().collect::<Vec<_>>());
    let desk = Desk::new();
    let ended = desk.get(&folder, "latest").end();
    ended.assert(0, &[&samples[1].id().to_string(), "verified"]);
    assert_eq!(ended.facts["bytes"], samples[1].bytes().len());
    desk.assert_holds(&samples[1]);
}

#[test]
fn one_is_chosen_by_id_by_class_and_by_time() {
    let old = Sample::new(PLACE, 30);
    let manual = Sample::new(PLACE, 2).class(Class::Manual);
    let upgrade = Sample::new(PLACE, 50).class(Class::PreUpgrade);
    let new = Sample::new(PLACE, 1);
    let folder = Folder::with(&[&old, &manual, &upgrade, &new]);
    let yesterday = (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24)).to_string();
    for (which, args, wanted) in [
        (manual.id().to_string(), vec![], &manual),
        ("latest".to_owned(), vec!["--class", "manual"], &manual),
        ("latest".to_owned(), vec!["--before", &yesterday], &old),
        ("latest".to_owned(), vec!["--before", &yesterday, "--class", "pre-upgrade"], &upgrade),
    ] {
        let desk = Desk::new();
        desk.get(&folder, &which).args(args).end().assert(0, &[&wanted.id().to_string()]);
        desk.assert_holds(wanted);
    }
}

#[test]
fn what_is_not_there_is_not_replaced_by_another() {
    let folder = Folder::with(&[&Sample::new(PLACE, 1), &Sample::new("ns/etcd-2", 1)]);
    let desk = Desk::new();
    let other = Sample::new(PLACE, 1).id().to_string();
    desk.get(&folder, &other).end().assert(65, &[&other, "is not there"]);
    let manual = desk.get(&folder, "latest").args(["--class", "manual"]);
    manual.end().assert(65, &["no such snapshot"]);
    let before = desk.get(&folder, "latest").args(["--before", "2001-01-01T00:00:00Z"]);
    before.end().assert(65, &["no such snapshot"]);
    desk.assert_empty("nothing was found");
}

#[test]
fn content_comes_back_from_every_form() {
    let keys = Keys::random();
    let identity = keys.identity_file();
    for encoding in [&[][..], &[Zstd], &[Age], &[Zstd, Age]] {
        let sample = Sample::etcd(PLACE, 1).encoded(encoding, Some(&keys));
        let folder = Folder::with(&[&sample]);
        let desk = Desk::new();
        let run = desk.get(&folder, "latest").arg("--identity-file").arg(&identity);
        run.end().assert(0, &["verified"]);
        desk.assert_holds(&sample);
    }
}

#[test]
fn content_of_many_ranges_comes_back_from_a_bucket() {
    let keys = Keys::random();
    // Nothing that compresses: it is as large in the bucket.
    let mut content = Vec::new();
    let mut block = snapshot::Digest::of(b"seed").0;
    while content.len() < 20_000_000 {
        block = snapshot::Digest::of(&block).0;
        content.extend_from_slice(&block);
    }
    let large = || Sample::new(PLACE, 1).content(content.clone());
    for sample in [large(), large().encoded(&[Zstd, Age], Some(&keys))] {
        let bucket = Bucket::with(&[&sample]);
        let desk = Desk::new();
        let run = desk.get_bucket(&bucket, "latest");
        let run = run.arg("--identity-file").arg(keys.identity_file());
        run.end().assert(0, &["verified"]);
        desk.assert_holds(&sample);
    }
}

#[test]
fn an_empty_content_comes_back() {
    let sample = Sample::new(PLACE, 1).content("");
    let desk = Desk::new();
    desk.get(&Folder::with(&[&sample]), "latest").end().assert(0, &["0 bytes, verified"]);
    desk.assert_holds(&sample);
}

#[test]
fn an_adopted_object_comes_back() {
    let sample = Sample::etcd(PLACE, 1).adopting("elsewhere/etcd.db");
    let folder = Folder::with(&[&sample]);
    folder.write("elsewhere/etcd.db", sample.stored());
    let desk = Desk::new();
    desk.get(&folder, "latest").end().assert(0, &["verified"]);
    desk.assert_holds(&sample);
}
