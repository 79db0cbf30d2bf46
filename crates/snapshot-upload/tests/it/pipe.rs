// SPDX-License-Identifier: Apache-2.0
//! Pipes and files: the end of a pipe proves nothing, and a file must be at rest.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::bed::{Bed, small};

/// A run with bytes on its standard input: (exit code, what it printed).
fn pipe(bed: &Bed, args: &[&str], bytes: &[u8]) -> (Option<i32>, String) {
    let credentials = bed.path("credentials");
    let mut command = Command::new(env!("CARGO_BIN_EXE_snapshot-upload"));
    command.env_clear().arg("stdin").args(args).args([
        "--to",
        "s3://bucket/pre",
        "--namespace",
        "ns",
        "--cluster",
        "etcd",
        "--stall-timeout",
        "2s",
        "--s3-endpoint",
        &bed.front.url(),
        "--s3-region",
        testbed::servers::Versitygw::REGION,
        "--credentials-dir",
        credentials.to_str().unwrap(),
    ]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(bytes);
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_producer_that_failed_or_says_nothing_never_commits() {
    let bed = Bed::new();
    let exit = bed.path("exit");
    let flags = ["--producer-exit-file", exit.to_str().unwrap()];
    for (code, words) in
        [(Some("1\n"), "exit code 1"), (Some("137"), "137"), (None, "did not write")]
    {
        match code {
            Some(code) => std::fs::write(&exit, code).unwrap(),
            None => std::fs::remove_file(&exit).unwrap(),
        }
        let (ended, text) = pipe(&bed, &flags, b"half of a dump");
        assert_eq!(ended, Some(65), "{text}");
        assert!(text.contains(words), "{text}");
        bed.assert_empty(words);
    }
    std::fs::write(&exit, "0\n").unwrap();
    let (ended, text) = pipe(&bed, &flags, b"all of a dump");
    assert_eq!(ended, Some(0), "{text}");
    let manifest = bed.assert_one_whole("a good producer");
    assert_eq!(bed.read(manifest["object"]["key"].as_str().unwrap()), b"all of a dump");
}

#[test]
fn a_digest_decides_and_an_etcd_snapshot_proves_itself() {
    let bed = Bed::new();
    let sum = snapshot::Digest::of(b"content").to_string();
    let (ended, text) = pipe(&bed, &["--sha256", &sum], b"other content");
    assert_eq!(ended, Some(65), "{text}");
    let (ended, text) = pipe(&bed, &["--content", "etcd"], &small()[..30_000]);
    assert_eq!(ended, Some(65), "{text}");
    bed.assert_empty("bad content");
    let (ended, text) = pipe(&bed, &["--content", "etcd"], &small());
    assert_eq!(ended, Some(0), "{text}");
    assert!(bed.assert_one_whole("etcd")["facts"]["etcd"]["revision"].as_i64().unwrap() > 1);
}

#[test]
fn a_file_that_looks_like_an_etcd_snapshot_must_be_a_good_one() {
    let bed = Bed::new();
    let path = bed.path("db.snap");
    let mut cut = small();
    cut.truncate(40_000);
    std::fs::write(&path, &cut).unwrap();
    let file = ["file", path.to_str().unwrap()];
    bed.upload(&file).end().assert(65, &["cut off"]);
    bed.assert_empty("a cut file");
    bed.upload(&file).args(&["--content", "plain"]).end().assert(0, &["committed"]);
    bed.assert_one_whole("as it is");
}

#[test]
fn compressed_and_sealed_content_is_stored_so_and_described() {
    let bed = Bed::new();
    let (path, keys) = (bed.path("dump"), bed.path("keys"));
    std::fs::write(&path, "the same again and again\n".repeat(400_000)).unwrap();
    // A public key as age-keygen prints it.
    std::fs::write(&keys, "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa\n")
        .unwrap();
    let file = ["file", path.to_str().unwrap(), "--compress", "zstd"];
    bed.upload(&file).args(&["--encrypt-to", keys.to_str().unwrap()]).end().assert(0, &["stored"]);
    let manifest = bed.assert_one_whole("sealed");
    assert_eq!(manifest["object"]["encoding"], serde_json::json!(["zstd", "age"]));
    assert_eq!(manifest["content"]["bytes"], 10_000_000);
    let key = manifest["object"]["key"].as_str().unwrap();
    assert!(key.ends_with(".snap.zst.age"), "{key}");
    assert!(bed.read(key).starts_with(b"age-encryption.org/v1\n"));
}

#[test]
fn an_object_of_another_tool_is_adopted_where_it_lies_if_it_is_good() {
    let bed = Bed::new();
    let mut bad = small();
    bad[9000] ^= 1;
    bed.server.put("bucket", "theirs/good.db", &small()).unwrap();
    bed.server.put("bucket", "theirs/bad.db", &bad).unwrap();
    bed.upload(&["adopt", "s3://bucket/theirs/bad.db"]).end().assert(65, &["damaged"]);
    bed.upload(&["adopt", "s3://other/theirs/good.db"]).end().assert(64, &["bucket"]);
    bed.upload(&["adopt", "s3://bucket/theirs/good.db"])
        .end()
        .assert(0, &["committed", "revision"]);
    let objects = bed.server.objects("bucket").unwrap();
    let manifest = objects.iter().find(|it| it.key.ends_with(".snap.json")).unwrap();
    let manifest: serde_json::Value =
        serde_json::from_slice(&bed.server.read("bucket", &manifest.key).unwrap()).unwrap();
    assert_eq!(manifest["object"]["key"], "/theirs/good.db");
    assert_eq!(manifest["source"]["kind"], "adopted");
    assert_eq!(bed.server.read("bucket", "theirs/good.db").unwrap(), small());
}
