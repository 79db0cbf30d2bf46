// SPDX-License-Identifier: Apache-2.0
//! A tree of every released manifest version lies here and stays readable for ever.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

use std::path::{Path, PathBuf};

use snapshot::{Digest, Entry, Id, Manifest, Place, RunRecord, entry_of};

const PREFIX: &str = "backups/";

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn v1() -> (PathBuf, Vec<String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1");
    let key = |path: PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    let mut keys: Vec<String> = files(&root).into_iter().map(key).collect();
    keys.sort();
    (root, keys)
}

#[test]
fn every_key_of_version_1_is_told_for_what_it_is() {
    let (_, keys) = v1();
    let kinds: Vec<String> = keys
        .iter()
        .map(|key| {
            let (place, name) = Place::split(key.strip_prefix(PREFIX).unwrap()).unwrap();
            let kind = match entry_of(name) {
                Entry::Manifest(_) => "manifest",
                Entry::Data(_) => "data",
                Entry::Run => "run",
                Entry::Foreign => "foreign",
            };
            format!("{place} {kind}")
        })
        .collect();
    let of = |kind: &str| kinds.iter().filter(|it| it.ends_with(kind)).count();
    assert_eq!(
        (of(" manifest"), of(" data"), of(" run"), of(" foreign")),
        (4, 4, 1, 1),
        "{keys:#?}"
    );
}

#[test]
fn every_manifest_of_version_1_is_read_and_its_data_is_what_it_says() {
    let (root, keys) = v1();
    let manifests = keys.iter().filter(|key| key.ends_with(".snap.json"));
    for key in manifests {
        let manifest = Manifest::from_bytes(&std::fs::read(root.join(key)).unwrap()).unwrap();
        let folder = key.rsplit_once('/').unwrap().0;
        assert_eq!(format!("{folder}/{}", manifest.id.manifest_name()), **key);
        let data = match manifest.object.key.strip_prefix('/') {
            Some(from_root) => root.join(from_root),
            None => root.join(folder).join(&manifest.object.key),
        };
        let data = std::fs::read(data).unwrap();
        assert_eq!(data.len() as u64, manifest.object.bytes, "{key}");
        assert_eq!(Digest::of(&data), manifest.object.sha256, "{key}");
        let again = Manifest::from_bytes(&manifest.to_bytes().unwrap()).unwrap();
        assert_eq!(again, manifest);
    }
}

#[test]
fn every_run_record_of_version_1_is_read() {
    let (root, keys) = v1();
    let record = keys.iter().find(|key| key.contains("/runs/")).unwrap();
    let bytes = std::fs::read(root.join(record)).unwrap();
    let record_read = RunRecord::from_bytes(&bytes).unwrap();
    assert!(record.ends_with(&RunRecord::name("11111111-2222-3333-4444-555555555555")));
    assert_eq!(record_read.id, "2026-11-21T03-00-00Z-0123abcd".parse::<Id>().unwrap());
}

fn a_manifest() -> serde_json::Value {
    let (root, keys) = v1();
    let key = keys.iter().find(|key| key.ends_with("0123abcd.snap.json")).unwrap();
    serde_json::from_slice(&std::fs::read(root.join(key)).unwrap()).unwrap()
}

fn refusal(manifest: &serde_json::Value) -> String {
    Manifest::from_bytes(manifest.to_string().as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_later_minor_version_with_unknown_fields_is_read() {
    let mut manifest = a_manifest();
    manifest["version"] = "1.7".into();
    manifest["mood"] = "good".into();
    manifest["object"]["colour"] = "blue".into();
    manifest["facts"]["raft"] = serde_json::json!({"index": 7});
    Manifest::from_bytes(manifest.to_string().as_bytes()).unwrap();
}

#[test]
fn another_major_version_is_refused_before_anything_else_is_read() {
    let refused = refusal(&serde_json::json!({"version": "2.0", "id": 7}));
    assert!(refused.contains("`2.0`") && refused.contains("newer release"), "{refused}");
}

#[test]
fn an_unknown_encoding_is_refused() {
    let mut manifest = a_manifest();
    manifest["object"]["encoding"] = serde_json::json!(["rot13"]);
    assert!(refusal(&manifest).contains("rot13"));
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused() {
    let change = |path: &str, value: serde_json::Value| {
        let mut manifest = a_manifest();
        *manifest.pointer_mut(path).unwrap() = value;
        refusal(&manifest)
    };
    for (path, value) in [
        ("/class", "manual".into()),
        ("/object/bytes", 1.into()),
        ("/object/key", "".into()),
        ("/object/key", "../other/x.snap".into()),
        ("/object/key", "/a/../b".into()),
        ("/object/key", "a/b".into()),
    ] {
        let refused = change(path, value);
        assert!(refused.contains("contradicts itself"), "{path}: {refused}");
    }
}
