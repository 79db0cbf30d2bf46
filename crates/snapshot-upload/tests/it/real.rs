// SPDX-License-Identifier: Apache-2.0
//! 53 keys of a real etcd, into every store; proven by etcd's own tools on what the server gives back.

use std::path::Path;

use serde_json::Value;
use snapshot::Digest;
use stock::Ground;
use testbed::etcd::{Etcd, Version};

use crate::bed::Run;

/// 50 keys whose value is the hash of the key, one of 100 KiB, one multibyte, one sentinel.
async fn fill(etcd: &Etcd) {
    for number in 0..50 {
        let key = format!("key-{number:02}");
        etcd.ctl(&["put", &key, &Digest::of(key.as_bytes()).to_string()]).await.unwrap();
    }
    etcd.ctl(&["put", "large", &"x".repeat(100 * 1024)]).await.unwrap();
    etcd.ctl(&["put", "schl\u{fc}ssel-\u{9375}", "wert-\u{503c}-\u{1f511}"]).await.unwrap();
    etcd.ctl(&["put", "sentinel", "last"]).await.unwrap();
}

async fn proven(version: Version) {
    let etcd = Etcd::member(version).await.unwrap();
    fill(&etcd).await;
    for ground in Ground::all().await {
        let files = tempfile::tempdir().unwrap();
        let flags = ground.flags("--to", files.path());
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let url = etcd.endpoints()[0].clone();
        let run = Run::new(&["etcd", "--endpoint", &url, "--namespace", "ns", "--cluster", "etcd"]);
        let ended = run.args(&flags).args(&["--compare-members"]).end();
        ended.assert(0, &["committed", "53 keys"]);

        let objects = ground.objects();
        let (key, _) = objects.iter().find(|(key, _)| key.ends_with(".snap.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&ground.read(key)).unwrap();
        let name = manifest["object"]["key"].as_str().unwrap();
        let (key, size) = objects.iter().find(|(key, _)| key.ends_with(name)).unwrap();
        assert_eq!(manifest["object"]["bytes"], *size);
        assert!(*size >= 16 * 1024, "{size}");
        let data = ground.read(key);
        assert_eq!(Digest::of(&data).to_string(), manifest["object"]["sha256"]);
        let file = files.path().join("downloaded.db");
        std::fs::write(&file, &data).unwrap();
        agrees(&etcd, &file, &manifest).await;
        assert_eq!(ended.facts["id"], manifest["id"]);
    }
}

/// What etcd's own tool says of the file: revision, keys by its version's rule, hash.
async fn agrees(etcd: &Etcd, file: &Path, manifest: &Value) {
    let args = ["snapshot", "status", file.to_str().unwrap(), "-w", "json"];
    let status = match etcd.version() {
        Version::V3_4 => etcd.ctl(&args).await.unwrap(),
        _ => etcd.utl(&args).await.unwrap(),
    };
    let status: Value = serde_json::from_str(&status).unwrap();
    let facts = &manifest["facts"]["etcd"];
    assert_eq!(status["revision"], facts["revision"]);
    assert_eq!(status["hash"], facts["status_hash"]);
    let keys = if etcd.version() == Version::V3_6 { "live_keys" } else { "total_keys" };
    assert_eq!(status["totalKey"], facts[keys], "{}", etcd.version().tool());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_3_6_into_every_store() {
    proven(Version::V3_6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_3_5_into_every_store() {
    proven(Version::V3_5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_3_4_into_every_store() {
    proven(Version::V3_4).await;
}
