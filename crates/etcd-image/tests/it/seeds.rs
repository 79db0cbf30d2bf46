// SPDX-License-Identifier: Apache-2.0
//! Small snapshots of real etcd that lie in the tree, with what was said of each when it was made.
//! The fuzzer starts from them.

use std::path::{Path, PathBuf};

use etcd_image::{Facts, Options, describe, verify_trailer};

use crate::agreement;
use crate::cluster::Cluster;
use crate::histories;
use crate::judge;
use crate::programs::Version;

const LARGEST: usize = 64 << 10;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// Each one's name and bytes.
pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    ["etcd-3.4", "etcd-3.5", "etcd-3.6"]
        .map(|name| {
            let path = folder("data").join(format!("{name}.snap"));
            (name.to_owned(), std::fs::read(path).unwrap())
        })
        .to_vec()
}

#[test]
fn a_snapshot_made_long_ago_is_described_as_it_was_then() {
    for (name, snapshot) in all() {
        let golden = folder("golden").join(format!("{name}.json"));
        let golden: Facts = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
        assert_eq!(describe(&snapshot, &Options::default()).unwrap(), golden, "{name}");
        verify_trailer(&snapshot).unwrap();
        assert!(snapshot.len() < LARGEST, "{name} is too large to lie in the tree");
    }
}

/// A bit of everything, in few pages: a branch, a value that needs pages of its own, inline buckets.
fn history(cluster: &mut Cluster) {
    histories::put_many(cluster, "key", 60);
    histories::put(cluster, "große-鍵", "värde".as_bytes());
    cluster.ctl(&["del", "key-1", "--prefix"]);
    let boundary = judge::revision(cluster);
    histories::put_many(cluster, "key", 30);
    histories::put(cluster, "large", &histories::bytes(5000));
    let lease = histories::lease(cluster);
    cluster.ctl(&["put", "leased", "1", "--lease", &lease]);
    histories::compact(cluster, boundary, &["--physical"]);
    cluster.ctl(&["del", "key-2"]);
    match cluster.version() {
        Version::V3_4 => {}
        Version::V3_5 => histories::turn_auth_on(cluster),
        Version::V3_6 => {
            cluster.ctl(&[
                "member",
                "add",
                "late",
                "--learner",
                "--peer-urls",
                "http://127.0.0.1:9",
            ]);
            histories::fill(cluster, 500);
        }
    }
}

#[test]
#[ignore = "writes the seeds anew, from what etcd makes of the same history"]
fn write_the_seeds() {
    for version in Version::ALL {
        let quota =
            if version == Version::V3_6 { &["--quota-backend-bytes", "45056"][..] } else { &[] };
        let mut cluster = Cluster::start(version, 1, quota);
        history(&mut cluster);
        let snapshot = cluster.snapshot("snapshot");
        let facts = agreement::agrees_with_status(&snapshot);
        agreement::hashes_agree_with_members(&cluster, &snapshot, &[facts.revision]);
        let name = format!("etcd-{}", version.name());
        let bytes = std::fs::read(&snapshot).unwrap();
        std::fs::write(folder("data").join(format!("{name}.snap")), bytes).unwrap();
        let golden = serde_json::to_string_pretty(&facts).unwrap() + "\n";
        std::fs::write(folder("golden").join(format!("{name}.json")), golden).unwrap();
    }
}
