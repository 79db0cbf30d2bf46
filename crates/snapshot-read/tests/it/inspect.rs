// SPDX-License-Identifier: Apache-2.0
//! All facts of a file or an object, the same that etcd's own tool tells.

use std::process::Command;

use serde_json::Value;
use snapshot::Encoding::{Age, Zstd};
use stock::{Bucket, Ended, Folder, Keys, PREFIX, Sample, flipped, small};
use testbed::etcd::Version;

use crate::{PLACE, program};

fn inspect(what: &str, args: &[&str]) -> Ended {
    program(&[&["inspect", what], args].concat()).end()
}

/// What `etcdutl snapshot status` says of a file; none where it is not there.
fn status(version: Version, file: &str) -> Option<Value> {
    let program = testbed::tool(version.tool())?.with_file_name("etcdutl");
    let output = Command::new(program).args(["snapshot", "status", file, "-w", "json"]).output();
    Some(serde_json::from_slice(&output.unwrap().stdout).unwrap())
}

#[test]
fn a_file_is_told_as_etcds_own_tool_tells_it() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../etcd-image/tests/data");
    for (version, name, counted) in [
        (Version::V3_5, "etcd-3.5.snap", "total_keys"),
        (Version::V3_6, "etcd-3.6.snap", "live_keys"),
    ] {
        let file = format!("{data}/{name}");
        let Some(said) = status(version, &file) else { continue };
        let etcd = &inspect(&file, &["--json"]).assert(0, &["a good etcd snapshot"]).json()["etcd"];
        assert_eq!(etcd["status_hash"], said["hash"], "{name}");
        assert_eq!(etcd["status_revision"], said["revision"], "{name}");
        assert_eq!(etcd[counted], said["totalKey"], "{name}");
        assert_eq!(etcd["image_bytes"], said["totalSize"], "{name}");
        let text = inspect(&file, &[]).stdout;
        let hash = format!("{:x}", said["hash"].as_u64().unwrap());
        let line = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.rsplit(' ').next().unwrap().to_owned()
        };
        assert_eq!(
            (line("status hash"), line("image bytes")),
            (hash, said["totalSize"].to_string())
        );
        assert_eq!(line("revision"), etcd["revision"].to_string());
    }
}

#[test]
fn a_file_that_is_no_good_snapshot_is_refused() {
    let folder = Folder::new();
    let good = small();
    for (name, bytes, words) in [
        ("flipped.db", flipped(&good, good.len() / 2), ""),
        ("cut.db", good[..good.len() - 4096].to_vec(), ""),
        ("empty.db", vec![], "an empty file"),
        ("zipped.db", [&[0x1f, 0x8b][..], &good].concat(), "a gzip file"),
    ] {
        folder.write(name, bytes);
        let ended = inspect(folder.path(name).to_str().unwrap(), &["--json"]);
        assert_eq!(ended.assert(65, &[words]).stdout, "", "{name}");
    }
    inspect(folder.path("").to_str().unwrap(), &[]).assert(64, &["is not a regular file"]);
    inspect("/is/not/there.db", &[]).assert(64, &["/is/not/there.db cannot be read"]);
}

#[test]
fn an_object_of_ours_is_verified_by_its_manifest_in_every_form() {
    let keys = Keys::random();
    let identity = keys.identity_file();
    let with_key = ["--json", "--identity-file", identity.to_str().unwrap()];
    for encoding in [&[][..], &[Zstd], &[Zstd, Age]] {
        let sample = Sample::etcd(PLACE, 1).encoded(encoding, Some(&keys));
        let folder = Folder::with(&[&sample]);
        for key in [sample.manifest_key(), sample.data_key()] {
            let told = inspect(&format!("{}/{key}", folder.url()), &with_key);
            let told = told.assert(0, &["a good etcd snapshot: revision 8, 62 keys"]).json();
            assert_eq!(told["etcd"]["live_keys"], 62);
            assert_eq!(told["manifest"]["id"], sample.id().to_string());
        }
        folder.write(&sample.data_key(), flipped(sample.stored(), sample.stored().len() / 2));
        inspect(&format!("{}/{}", folder.url(), sample.data_key()), &with_key).assert(65, &[]);
    }
}

#[test]
fn objects_of_a_bucket_are_told_ours_and_others() {
    let sample = Sample::etcd(PLACE, 1);
    let bucket = Bucket::with(&[&sample]);
    bucket.write("nightly/etcd.db", small());
    bucket.write("etcd.db", small());
    let of = |key: &str| {
        let run = program(&["inspect", &format!("s3://bucket/{PREFIX}/{key}"), "--json"]);
        run.args(bucket.flags()).end()
    };
    let ours = of(&sample.data_key()).assert(0, &["a good etcd snapshot"]).json();
    assert_eq!(ours["manifest"]["id"], sample.id().to_string());
    for key in ["nightly/etcd.db", "etcd.db"] {
        let other = of(key).assert(0, &["a good etcd snapshot"]).json();
        assert_eq!((&other["manifest"], &other["etcd"]), (&Value::Null, &ours["etcd"]), "{key}");
    }
    of("gone.db").assert(65, &["gone.db is not there"]);
}

#[test]
fn content_of_another_kind_is_told_by_its_manifest() {
    let sample = Sample::new(PLACE, 1);
    let folder = Folder::with(&[&sample]);
    let url = format!("{}/{}", folder.url(), sample.data_key());
    let told = inspect(&url, &["--json"]);
    let told = told.assert(0, &["good by its digests; it is no etcd snapshot"]).json();
    assert_eq!(told["etcd"], Value::Null);
    assert!(inspect(&url, &[]).stdout.contains(&sample.manifest().content.sha256.to_string()));
    folder.write(&sample.data_key(), vec![b'x'; sample.stored().len()]);
    inspect(&url, &[]).assert(65, &["the digest of its stored bytes"]);
}

#[test]
fn data_that_no_manifest_names_is_told_as_what_it_is_itself() {
    let sample = Sample::etcd(PLACE, 1).content("the attempt that won");
    let folder = Folder::with(&[&sample]);
    let lost = format!("ns/etcd/{}-00c0ffee.snap", sample.id());
    let orphan = "ns/etcd/2026-01-01T00-00-00Z-00000000.snap";
    for key in [lost.as_str(), orphan] {
        folder.write(key, small());
        let told = inspect(&format!("{}/{key}", folder.url()), &["--json"]).assert(0, &[]).json();
        assert_eq!((&told["etcd"]["revision"], &told["manifest"]), (&8.into(), &Value::Null));
    }
}

#[test]
fn a_url_of_no_object_is_a_mistake() {
    for url in ["s3://bucket", "s3://", "ftp://host/x"] {
        program(&["inspect", url, "--s3-endpoint", "http://127.0.0.1:9"]).end().assert(64, &[]);
    }
}
