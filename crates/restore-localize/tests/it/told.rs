// SPDX-License-Identifier: Apache-2.0
//! What a run tells: what comes back with the data, what it was made of, and who cannot read it.

use snapshot::Encoding::{Age, Zstd};
use stock::{Bucket, Ended, Folder, Keys, Sample};
use testbed::etcd::{Etcd, Version};

use crate::PLACE;
use crate::bed::{Pod, block_on, small};

const QUOTA: &str = "--quota-backend-bytes=1000000";

fn assert_warned(ended: &Ended, words: &[&str]) {
    let warnings = ended.facts["warnings"].to_string();
    words.iter().for_each(|word| assert!(warnings.contains(word), "no `{word}` in {warnings}"));
    assert!(ended.log.contains(words[0]) || ended.stdout.contains(words[0]), "not in the log");
}

/// Of an etcd whose users must log in, and which is full.
fn full_and_guarded() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let value = "x".repeat(100_000);
    block_on(async {
        let etcd = Etcd::builder(Version::V3_6).flags([QUOTA]).start().await.unwrap();
        etcd.enable_auth("secret").await.unwrap();
        let put = async |key: String| etcd.ctl_as("root", "secret", &["put", &key, &value]).await;
        let mut number = 0;
        while put(format!("k{number}")).await.is_ok() {
            number += 1;
        }
        let save = ["snapshot", "save", path.to_str().unwrap()];
        etcd.ctl_as("root", "secret", &save).await.unwrap();
    });
    std::fs::read(path).unwrap()
}

#[test]
fn what_comes_back_with_the_data_is_told_with_its_cure() {
    let Some(pod) = Pod::new() else { return };
    let sample = Sample::new(PLACE, 1).content(full_and_guarded());
    let ended = pod.restore(&Folder::with(&[&sample])).end();
    ended.assert(0, &["to know: authentication is on"]);
    assert_warned(&ended, &["authentication is on", "users and passwords"]);
    assert_warned(&ended, &["the alarm NOSPACE is set", "etcdctl alarm disarm"]);
    assert_warned(&ended, &["without --claims"]);
    pod.assert_restored("warned");
}

#[test]
fn a_quota_below_the_databases_size_is_told() {
    let (folder, sample) = small();
    let image = sample.bytes().len() - 32;
    for (quota, is_told) in
        [("1000", true), (&image.to_string(), false), ("0", false), ("-1", false)]
    {
        let Some(pod) = Pod::new() else { return };
        let ended = pod.restore(&folder).env("ETCD_QUOTA_BACKEND_BYTES", quota).end();
        ended.assert(0, &[]);
        let warnings = ended.facts["warnings"].to_string();
        assert_eq!(warnings.contains("set ETCD_QUOTA_BACKEND_BYTES above"), is_told, "{quota}");
    }
}

#[test]
fn revisions_are_raised_unless_they_are_to_be_kept() {
    let (folder, sample) = small();
    let revision = sample.manifest().facts.etcd.unwrap().revision;
    for (args, raised) in [
        (&[][..], 1_000_000_000),
        (&["--bump-revision", "5"], 5),
        (&["--bump-revision", "0"], 0),
        (&["--keep-revision"], 0),
    ] {
        let Some(pod) = Pod::new() else { return };
        let ended = pod.restore(&folder).args(args).end();
        ended.assert(0, &[&format!("at revision {}", revision + raised)]);
        let is_told = ended.facts["warnings"].to_string().contains("revisions are kept");
        assert_eq!(is_told, raised == 0, "{args:?}");
        assert_eq!(pod.assert_restored("raised")["revision"], revision + raised);
    }
}

#[test]
fn an_encrypted_snapshot_is_restored_by_who_has_the_key_alone() {
    let (keys, others) = (Keys::random(), Keys::random());
    let sample = Sample::etcd(PLACE, 1).encoded(&[Zstd, Age], Some(&keys));
    let folder = Folder::with(&[&sample]);
    let Some(pod) = Pod::new() else { return };
    pod.restore(&folder).end().assert(77, &["--identity-file"]);
    let run = |keys: &Keys| pod.restore(&folder).arg("--identity-file").arg(keys.identity_file());
    run(&others).end().assert(77, &["none of the identities can read it"]);
    let missing = pod.restore(&folder).args(["--identity-file", "/no/such/file"]);
    missing.end().assert(64, &["--identity-file", "/no/such/file"]);
    pod.assert_untouched("no key");
    run(&keys).end().assert(0, &[&sample.id().to_string()]);
    pod.assert_restored("the key");
}

#[test]
fn a_compressed_snapshot_is_restored_and_its_own_size_is_what_needs_room() {
    let Some(pod) = Pod::new() else { return };
    let sample = Sample::etcd(PLACE, 1).encoded(&[Zstd], None);
    pod.restore(&Folder::with(&[&sample])).end().assert(0, &[&sample.id().to_string()]);
    pod.assert_restored("compressed");
}

#[test]
fn a_snapshot_of_etcdctl_is_restored_without_a_manifest() {
    let bucket = Bucket::new();
    let saved = tempfile::tempdir().unwrap();
    let path = saved.path().join("saved.db");
    block_on(async {
        let etcd = Etcd::member(Version::V3_6).await.unwrap();
        etcd.put_many(7, 100).await.unwrap();
        etcd.ctl_at(0, &["snapshot", "save", path.to_str().unwrap()]).await.unwrap();
    });
    bucket.write("of/etcdctl.db", std::fs::read(&path).unwrap());
    let Some(pod) = Pod::new() else { return };
    let ended = pod.restore_bare(&path).end();
    ended.assert(0, &["file://", "saved.db: 7 keys at revision"]);
    assert_warned(&ended, &["it has no manifest", "proven by its own trailer"]);
    let marker = pod.assert_restored("a file");
    assert_eq!(marker["object"], format!("file://{}", path.display()));
    let Some(pod) = Pod::new() else { return };
    let from = format!("{}/of/etcdctl.db", bucket.url());
    let run = pod.step().arg("--from").arg(&from).args(bucket.flags()).arg("--tool").arg(&pod.tool);
    run.end().assert(0, &[&from, "7 keys at revision"]);
    assert_eq!(pod.assert_restored("an object")["object"], from.as_str());
}
