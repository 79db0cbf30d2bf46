// SPDX-License-Identifier: Apache-2.0
//! 53 keys of a real etcd, into every store and back into a new cluster.

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use stock::{Ground, Run};
use testbed::etcd::{Etcd, Version};

const WHOSE: [&str; 4] = ["--namespace", "ns", "--cluster", "etcd"];

/// 50 keys, one of 100 KiB, one multibyte, one written twice: 53.
async fn fill(etcd: &Etcd) {
    etcd.put_many(50, 300).await.unwrap();
    etcd.ctl(&["put", "large", &"x".repeat(100 * 1024)]).await.unwrap();
    etcd.ctl(&["put", "schl\u{fc}ssel-\u{9375}", "wert-\u{503c}-\u{1f511}"]).await.unwrap();
    etcd.ctl(&["put", "twice", "first"]).await.unwrap();
    etcd.ctl(&["put", "twice", "second"]).await.unwrap();
}

async fn all(etcd: &Etcd) -> Value {
    let got = etcd.ctl(&["get", "", "--prefix", "-w", "json"]).await.unwrap();
    let mut got: Value = serde_json::from_str(&got).unwrap();
    got["kvs"].take()
}

fn program(name: &str, args: &[&str]) -> Run {
    Run::new(cargo_bin(name).to_str().unwrap(), args)
}

async fn there_and_back(version: Version) {
    let source = Etcd::member(version).await.unwrap();
    fill(&source).await;
    let keys = all(&source).await;
    assert_eq!(keys.as_array().unwrap().len(), 53);
    let grounds = Ground::all().await;
    let folders: Vec<_> = grounds.iter().map(|_| tempfile::tempdir().unwrap()).collect();
    for (ground, files) in grounds.iter().zip(&folders) {
        let upload = program("snapshot-upload", &["etcd", "--endpoint", &source.endpoints()[0]]);
        let ended = upload.args(WHOSE).args(ground.flags("--to", files.path())).end();
        ended.assert(0, &["committed", "53 keys"]);
    }
    source.ctl(&["put", "later", "than every snapshot"]).await.unwrap();
    let old = source.ctl(&["member", "list"]).await.unwrap();

    for (ground, files) in grounds.iter().zip(&folders) {
        let target = Etcd::builder(version).prepare().unwrap();
        let dir = target.data_dir(0).unwrap();
        std::fs::create_dir_all(dir.parent().unwrap()).unwrap();
        let cluster = target.initial_cluster();
        let tool = tool_of(version);
        let restore = program("restore-localize", &["etcd", "--generation", "1", "--name", "m0"]);
        let restore = restore.args(WHOSE).args(ground.flags("--from", files.path()));
        let restore = restore.args(["--initial-cluster", &cluster, "--tool", &tool]);
        let ended = restore.arg("--data-dir").arg(&dir).end();
        ended.assert(0, &["is restored", "53 keys"]);

        target.start_all().await.unwrap();
        assert_eq!(all(&target).await, keys);
        for absent in ["later", "never-written"] {
            assert_eq!(target.ctl(&["get", absent]).await.unwrap(), "", "{absent}");
        }
        let members = target.ctl(&["member", "list"]).await.unwrap();
        let id = ended.facts["member_id"].as_str().unwrap();
        assert!(members.contains(id) && !old.contains(id), "{members}{old}");
        // Debian's 3.4 cannot raise revisions, and says so.
        match version {
            Version::V3_4 => drop(ended.assert(0, &["cannot raise revisions"])),
            _ => {
                let watch = target.ctl(&["watch", "twice", "--rev", "5"]).await.unwrap_err();
                assert!(format!("{watch:#}").contains("compacted"), "{watch:#}");
            }
        }
    }
}

/// What etcd's image of this version has.
fn tool_of(version: Version) -> String {
    let etcd = testbed::tool(version.tool()).expect("etcd, as scripts/test brings it");
    let name = if version == Version::V3_4 { "etcdctl" } else { "etcdutl" };
    etcd.with_file_name(name).to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_3_6_through_every_store() {
    there_and_back(Version::V3_6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_3_5_through_every_store() {
    there_and_back(Version::V3_5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_3_4_through_every_store() {
    there_and_back(Version::V3_4).await;
}
