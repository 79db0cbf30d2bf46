// SPDX-License-Identifier: Apache-2.0
//! A store that other tools wrote to: which of their backups would not restore?

use std::io::Write as _;

use stock::{Bucket, Folder, Sample, flipped, small};
use testbed::etcd::{Etcd, Version};

use crate::{PLACE, check, check_bucket, findings};

/// What `etcdctl snapshot save` writes, of each version that is there.
async fn saved() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let mut saved = Vec::new();
    for version in Version::ALL {
        if testbed::tool(version.tool()).is_none() {
            continue;
        }
        let etcd = Etcd::member(version).await.unwrap();
        for round in 0..2 {
            etcd.put_many(40 + 10 * round, 200).await.unwrap();
            let file = folder.path().join(format!("{}-{round}.db", version.tool()));
            etcd.ctl_at(0, &["snapshot", "save", file.to_str().unwrap()]).await.unwrap();
            saved.push(std::fs::read(file).unwrap());
        }
    }
    saved
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn in_a_bucket_made_by_others_exactly_the_bad_backups_are_found() {
    let saved = saved().await;
    let Some(last) = saved.last() else { return };
    let bucket = Bucket::new();
    let put = |key: &str, bytes: &[u8]| bucket.write(key, bytes);
    let mut good = Vec::new();
    for (number, bytes) in saved.iter().enumerate() {
        for key in [format!("etcd-{number}.db"), format!("prod/main/nightly/{number}.snapshot")] {
            put(&key, bytes);
            good.push(key);
        }
    }
    let middle = last.len() / 2;
    put("prod/main/cut.db", &last[..last.len() - 5000]);
    put("prod/main/zipped.db.gz", &gzip(last));
    put("flipped", &flipped(last, middle));
    put("prod/main/README.txt", b"Backups of etcd. Do not delete.\n");
    put("prod/main/notes.txt.gz", &gzip(b"none of yours"));
    put("README.txt", b"");
    let ended = check_bucket(&bucket, &["--deep", "all", "--json"]).end();
    let report = ended.assert(65, &["bad: 3 findings"]).json();
    let about = |level: &str| -> Vec<String> {
        findings(&report, level).into_iter().map(|(about, _)| about).collect()
    };
    assert_eq!(about("bad"), ["flipped", "prod/main/cut.db", "prod/main/zipped.db.gz"]);
    good.sort();
    assert_eq!(about("good"), good);
    assert_eq!((about("odd").len(), about("unknown").len()), (0, 0));
    let told =
        |about: &str| findings(&report, "bad").into_iter().find(|it| it.0 == about).unwrap().1;
    assert!(told("prod/main/zipped.db.gz").contains("inside gzip"));
    assert!(told("flipped").starts_with("of another tool: "), "{}", told("flipped"));
    // Without --deep nothing is asked of them, and they are listed.
    let ended = check_bucket(&bucket, &[]).end();
    ended.assert(0, &["good: 0 snapshots of 1 clusters"]);
    let (inside, outside) = (4 + saved.len(), 2 + saved.len());
    let lines = [
        format!("good    prod/main  0 snapshots, {inside} of other tools"),
        format!("{outside} objects of other tools outside of any cluster's folder"),
    ];
    lines.iter().for_each(|line| assert!(ended.stdout.contains(line), "{}", ended.stdout));
}

#[test]
fn every_flipped_byte_of_a_backup_is_found_whatever_it_is_called() {
    let bytes = small();
    let step = bytes.len() / 40;
    let folder = Folder::new();
    let mut wanted = Vec::new();
    for at in (0..bytes.len()).step_by(step).chain([16, 17, 18, 19, bytes.len() - 1]) {
        let key = format!("flipped-at-{at:06}");
        folder.write(&key, flipped(&bytes, at));
        wanted.push(key);
    }
    wanted.sort();
    let report = check(&folder, &["--deep", "all", "--json"]).end().json();
    let bad: Vec<String> = findings(&report, "bad").into_iter().map(|it| it.0).collect();
    assert_eq!(bad, wanted);
}

#[test]
fn what_is_named_like_a_backup_and_is_none_is_bad() {
    let folder = Folder::new();
    for (key, bytes) in [("empty.db", &b""[..]), ("page.db", b"<html>not found"), ("a.snap", b"x")]
    {
        folder.write(key, bytes);
    }
    let report = check(&folder, &["--deep", "all", "--json"]).end().json();
    let bad: Vec<String> = findings(&report, "bad").into_iter().map(|it| it.0).collect();
    assert_eq!(bad, ["a.snap", "empty.db", "page.db"]);
}

#[test]
fn names_of_other_tools_may_hold_anything() {
    let folder = Folder::with(&[&Sample::new(PLACE, 1)]);
    for key in
        ["a b (1).txt", "\u{fc}ml\u{e4}ut %41.txt", "x/#y?.db", "ns/etcd/~old [2]/a'b.db", "100%"]
    {
        folder.write(key, small());
    }
    let ended = check(&folder, &["--deep", "all", "--json"]).end();
    let report = ended.assert(0, &["good"]).json();
    assert_eq!(findings(&report, "good").len(), 6, "{report:#}");
}

#[test]
fn an_adopted_object_is_no_stranger() {
    let sample = Sample::etcd(PLACE, 1).adopting("ns/etcd/etcd.db");
    let folder = Folder::with(&[&sample]);
    folder.write("ns/etcd/etcd.db", sample.stored());
    let report = check(&folder, &["--json"]).end().json();
    assert_eq!(report["clusters"][0]["foreign"], 0);
}
