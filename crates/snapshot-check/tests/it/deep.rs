// SPDX-License-Identifier: Apache-2.0
//! Our own snapshots, their bytes read.

use snapshot::Encoding::{Age, Zstd};
use stock::{Ended, Folder, Keys, Sample, flipped};

use crate::{PLACE, check, findings};

fn deep(folder: &Folder, args: &[&str]) -> Ended {
    check(folder, &[&["--deep", "all", "--json"], args].concat()).end()
}

#[test]
fn what_was_read_whole_is_told_as_good() {
    let [plain, packed] = [Sample::etcd(PLACE, 1), Sample::etcd(PLACE, 2).encoded(&[Zstd], None)];
    let other = Sample::new(PLACE, 3);
    let folder = Folder::with(&[&plain, &packed, &other]);
    let ended = deep(&folder, &[]);
    let good = findings(&ended.assert(0, &["good"]).json(), "good");
    let whole = "read whole: revision 8, 62 keys".to_owned();
    let of = |sample: &Sample, what: &str| (sample.id().to_string(), what.to_owned());
    let wanted = [of(&other, "its digests are right"), of(&packed, &whole), of(&plain, &whole)];
    assert_eq!(good, wanted);
}

#[test]
fn a_flipped_byte_is_found_wherever_it_is() {
    for encoding in [&[][..], &[Zstd]] {
        let sample = Sample::etcd(PLACE, 1).encoded(encoding, None);
        let length = sample.stored().len();
        for at in [0, length / 2, length - 1] {
            let folder = Folder::with(&[&sample]);
            folder.write(&sample.data_key(), flipped(sample.stored(), at));
            check(&folder, &[]).end().assert(0, &["good"]);
            deep(&folder, &[]).assert(65, &["bad: 1 findings", &sample.id().to_string()]);
        }
    }
}

#[test]
fn content_that_is_not_what_the_manifest_says_of_it_is_bad() {
    for change in [
        |facts: &mut snapshot::EtcdFacts| facts.revision += 1,
        |facts: &mut snapshot::EtcdFacts| facts.live_keys -= 1,
        |facts: &mut snapshot::EtcdFacts| facts.hash_kv.hash ^= 1,
    ] {
        let folder = Folder::with(&[&Sample::etcd(PLACE, 1).saying(change)]);
        deep(&folder, &[]).assert(65, &["its content is not what its manifest says of it"]);
    }
}

#[test]
fn content_that_never_was_a_good_snapshot_is_bad_though_its_digests_are_right() {
    let good = Sample::etcd(PLACE, 1);
    let facts = stock::etcd_facts(good.bytes());
    let mut manifest = good.manifest();
    let cut = &good.bytes()[..good.bytes().len() - 4096];
    let sum = snapshot::Bytes { bytes: cut.len() as u64, sha256: snapshot::Digest::of(cut) };
    (manifest.object.bytes, manifest.object.sha256, manifest.content) =
        (sum.bytes, sum.sha256, sum);
    manifest.facts.etcd = Some(facts);
    let folder = Folder::new();
    folder.write(&good.data_key(), cut);
    folder.write(&good.manifest_key(), manifest.to_bytes().unwrap());
    check(&folder, &[]).end().assert(0, &["good"]);
    deep(&folder, &[]).assert(65, &["bad: 1 findings"]);
}

#[test]
fn an_encrypted_snapshot_is_judged_by_its_stored_bytes_where_there_is_no_key() {
    let keys = Keys::random();
    let sample = Sample::etcd(PLACE, 1).encoded(&[Zstd, Age], Some(&keys));
    let folder = Folder::with(&[&sample]);
    let report = deep(&folder, &[]).assert(0, &["good"]).json();
    let (_, what) = &findings(&report, "good")[0];
    assert_eq!(what, "its stored bytes are right; its content is encrypted and was not read");
    let at = sample.stored().len() - 20;
    folder.write(&sample.data_key(), flipped(sample.stored(), at));
    deep(&folder, &[])
        .assert(65, &["the digest of its stored bytes is not what its manifest says"]);
}

#[test]
fn an_encrypted_snapshot_is_read_whole_with_its_key() {
    let (keys, others) = (Keys::random(), Keys::random());
    let sealed = |sample: Sample| sample.encoded(&[Zstd, Age], Some(&keys));
    let folder = Folder::with(&[&sealed(Sample::etcd(PLACE, 1))]);
    let identity = keys.identity_file();
    let with_key = ["--identity-file", identity.to_str().unwrap()];
    let report = deep(&folder, &with_key).assert(0, &["good"]).json();
    assert_eq!(findings(&report, "good")[0].1, "read whole: revision 8, 62 keys");
    let wrong = others.identity_file();
    let with_wrong = ["--identity-file", wrong.to_str().unwrap()];
    deep(&folder, &with_wrong).assert(69, &["cannot tell", "none of the identities"]);
    // What it lies about can be told only with the key.
    let lying = sealed(Sample::etcd(PLACE, 1).saying(|facts| facts.revision = 7));
    let folder = Folder::with(&[&lying]);
    deep(&folder, &[]).assert(0, &["good"]);
    deep(&folder, &with_key).assert(65, &["its content is not what its manifest says of it"]);
}

#[test]
fn so_many_are_read_as_were_asked_for() {
    let samples = [1, 2, 3, 4].map(|hours| Sample::etcd(PLACE, hours));
    let folder = Folder::with(&samples.iter().collect::<Vec<_>>());
    for (which, count) in [("newest", 1), ("3", 3), ("all", 4), ("9", 4)] {
        let report = check(&folder, &["--json", "--deep", which]).end().json();
        let good = findings(&report, "good");
        assert_eq!(good.len(), count, "{which}");
        assert!(good.iter().any(|(about, _)| *about == samples[0].id().to_string()), "{which}");
    }
}

#[test]
fn an_adopted_object_is_read_as_the_snapshot_that_it_is() {
    let sample = Sample::etcd(PLACE, 1).adopting("elsewhere/etcd.db");
    let folder = Folder::with(&[&sample]);
    folder.write("elsewhere/etcd.db", sample.stored());
    let report = deep(&folder, &[]).assert(0, &["good"]).json();
    assert!(findings(&report, "good").iter().any(|(about, _)| *about == sample.id().to_string()));
    folder.remove("elsewhere/etcd.db");
    deep(&folder, &[]).assert(65, &["its data is not there"]);
}

#[test]
fn a_deep_check_leaves_nothing_on_the_disk_it_worked_on() {
    let folder = Folder::with(&[&Sample::etcd(PLACE, 1)]);
    let scratch = tempfile::tempdir().unwrap();
    check(&folder, &["--deep", "all"]).env("TMPDIR", scratch.path()).end().assert(0, &["good"]);
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}
