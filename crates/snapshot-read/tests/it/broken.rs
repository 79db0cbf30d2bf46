// SPDX-License-Identifier: Apache-2.0
//! Snapshots that are not what they say: each is refused, and leaves no file.

use snapshot::Encoding::{self, Age, Zstd};
use stock::{Folder, Keys, Sample, flipped};

use crate::{Desk, PLACE};

const FORMS: [&[Encoding]; 3] = [&[], &[Zstd], &[Zstd, Age]];

#[test]
fn a_cut_object_is_refused() {
    let keys = Keys::random();
    for form in FORMS {
        let sample = Sample::etcd(PLACE, 1).encoded(form, Some(&keys));
        let folder = Folder::with(&[&sample]);
        let stored = sample.stored();
        folder.write(&sample.data_key(), &stored[..stored.len() - 1]);
        let desk = Desk::new();
        let run = desk.get(&folder, "latest").arg("--identity-file").arg(keys.identity_file());
        run.end().assert(65, &[&sample.data_key(), "its manifest says"]);
        desk.assert_empty(&format!("{form:?}"));
    }
}

#[test]
fn a_flipped_byte_is_refused_wherever_it_is() {
    let keys = Keys::random();
    for form in FORMS {
        let sample = Sample::etcd(PLACE, 1).encoded(form, Some(&keys));
        let length = sample.stored().len();
        // Behind an age header, in which a flipped byte can make the key fit no more.
        for at in [1000, length / 2, length - 1] {
            let folder = Folder::with(&[&sample]);
            folder.write(&sample.data_key(), flipped(sample.stored(), at));
            let desk = Desk::new();
            let run = desk.get(&folder, "latest").arg("--identity-file").arg(keys.identity_file());
            run.end().assert(65, &[]);
            desk.assert_empty(&format!("{form:?} at {at}"));
        }
    }
}

#[test]
fn other_bytes_of_the_same_size_are_refused() {
    let sample = Sample::new(PLACE, 1);
    let folder = Folder::with(&[&sample]);
    folder.write(&sample.data_key(), vec![b'x'; sample.stored().len()]);
    let desk = Desk::new();
    desk.get(&folder, "latest").end().assert(65, &["the digest of its stored bytes"]);
    desk.assert_empty("other bytes");
}

#[test]
fn content_that_decodes_to_something_else_is_refused() {
    let sample = Sample::etcd(PLACE, 1).encoded(&[Zstd], None);
    for (bytes, sha256, words) in [
        (sample.bytes().len() as u64, "x", "the digest of its content"),
        (sample.bytes().len() as u64 + 1, "x", "the digest of its content"),
        (100, "x", "more content than its manifest says"),
    ] {
        let mut manifest = sample.manifest();
        let sha256 = snapshot::Digest::of(sha256.as_bytes());
        manifest.content = snapshot::Bytes { bytes, sha256 };
        let folder = Folder::with(&[&sample]);
        folder.write(&sample.manifest_key(), manifest.to_bytes().unwrap());
        let desk = Desk::new();
        desk.get(&folder, "latest").end().assert(65, &[words]);
        desk.assert_empty(words);
    }
}

#[test]
fn a_manifest_that_names_a_missing_object_is_refused() {
    let sample = Sample::etcd(PLACE, 1);
    let folder = Folder::with(&[&sample]);
    folder.remove(&sample.data_key());
    let desk = Desk::new();
    desk.get(&folder, "latest").end().assert(65, &[&sample.data_key(), "is not there"]);
    desk.assert_empty("missing");
}

#[test]
fn where_a_manifest_cannot_be_read_no_older_one_is_called_the_latest() {
    let [new, old] = [1, 2].map(|hours| Sample::new(PLACE, hours));
    for bad in ["{", r#"{"version": "2.0"}"#] {
        let folder = Folder::with(&[&new, &old]);
        folder.write(&new.manifest_key(), bad);
        let desk = Desk::new();
        desk.get(&folder, "latest").end().assert(65, &["cannot be told", &new.manifest_key()]);
        desk.get(&folder, &new.id().to_string()).end().assert(65, &[&new.manifest_key()]);
        desk.assert_empty(bad);
        desk.get(&folder, &old.id().to_string()).end().assert(0, &["verified"]);
        desk.assert_holds(&old);
    }
}

#[test]
fn who_has_no_key_or_another_is_denied() {
    let (keys, others) = (Keys::random(), Keys::random());
    let sample = Sample::etcd(PLACE, 1).encoded(&[Zstd, Age], Some(&keys));
    let folder = Folder::with(&[&sample]);
    let desk = Desk::new();
    desk.get(&folder, "latest").end().assert(77, &["--identity-file"]);
    let run = desk.get(&folder, "latest").arg("--identity-file").arg(others.identity_file());
    run.end().assert(77, &["none of the identities can read it"]);
    desk.assert_empty("no key");
}
