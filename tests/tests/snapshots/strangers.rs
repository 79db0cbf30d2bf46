// SPDX-License-Identifier: Apache-2.0
//! A bucket that others have filled: which of its snapshots would not restore?

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use testbed::Spawn;
use testbed::etcd::{Etcd, Version};

use crate::ended;

/// What etcd's own tool saves.
async fn saved(version: Version, to: &Path) -> Vec<u8> {
    let etcd = Etcd::member(version).await.unwrap();
    etcd.put_many(40, 2_000).await.unwrap();
    etcd.ctl_at(0, &["snapshot", "save", to.to_str().unwrap()]).await.unwrap();
    std::fs::read(to).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let gzip = Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut gzip = gzip.unwrap();
    let mut stdin = gzip.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writing = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
    let output = gzip.wait_with_output().unwrap();
    writing.join().unwrap();
    output.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_made_by_others_is_told_to_the_last_bad_object() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("prod/etcd")).unwrap();
    let good = saved(Version::V3_4, &at("prod/etcd/a-3.4.db")).await;
    saved(Version::V3_5, &at("b-3.5.db")).await;
    saved(Version::V3_6, &at("prod/etcd/c-3.6.snapshot")).await;
    std::fs::write(at("README.txt"), "nothing of etcd's").unwrap();
    std::fs::write(at("other.tar.gz"), gzip(b"no snapshot of etcd's either")).unwrap();
    std::fs::write(at("prod/etcd/cut.db"), &good[..good.len() - 5000]).unwrap();
    std::fs::write(at("prod/etcd/nightly.db.gz"), gzip(&good)).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 0x10;
    std::fs::write(at("flipped.db"), flipped).unwrap();

    let from = format!("file://{}", folder.path().display());
    let check = Spawn::new(cargo_bin("snapshot-check")).clean_env();
    let check = check.args(["--from", &from, "--deep", "all", "--json"]).start().unwrap();
    let (code, printed) = ended(check);
    assert_eq!(code, Some(65), "{printed}");
    let report = printed.lines().find(|line| line.starts_with("{\"checked\"")).unwrap();
    let report: Value = serde_json::from_str(report).unwrap();
    let clusters = report["clusters"].as_array().unwrap().iter();
    let findings = clusters.flat_map(|it| it["findings"].as_array().unwrap().clone());
    let findings: Vec<Value> =
        findings.chain(report["findings"].as_array().unwrap().clone()).collect();
    let of = |level: &str| {
        let mut found: Vec<&str> = findings
            .iter()
            .filter(|it| it["level"] == level)
            .map(|it| it["about"].as_str().unwrap().rsplit('/').next().unwrap())
            .collect();
        found.sort_unstable();
        found
    };
    assert_eq!(of("bad"), ["cut.db", "flipped.db", "nightly.db.gz"], "{printed}");
    assert_eq!(of("good"), ["a-3.4.db", "b-3.5.db", "c-3.6.snapshot"], "{printed}");
    assert_eq!(of("unknown").len(), 0, "{printed}");
}
