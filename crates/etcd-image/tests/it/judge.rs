// SPDX-License-Identifier: Apache-2.0
//! What etcd's own programs say of a snapshot, and of the member it was taken from.

use std::path::Path;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::programs::{Version, run};

/// What `snapshot status` says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) hash: u64,
    pub(crate) revision: i64,
    pub(crate) total_keys: u64,
    pub(crate) version: String,
}

/// The program of `version` that says it is etcdutl, in 3.4 etcdctl.
pub(crate) fn status(version: Version, snapshot: &Path) -> Status {
    let name = if version == Version::V3_4 { "etcdctl" } else { "etcdutl" };
    let file = snapshot.to_str().unwrap();
    let folder = snapshot.parent().unwrap();
    let args = ["snapshot", "status", file, "-w", "json"];
    let said = json(&run(&version.program(name), args, folder, b""));
    Status {
        hash: said["hash"].as_u64().unwrap(),
        revision: said["revision"].as_i64().unwrap(),
        total_keys: said["totalKey"].as_u64().unwrap(),
        version: said["version"].as_str().unwrap_or_default().to_owned(),
    }
}

/// A HashKV: hash, revision, compact revision.
pub(crate) type Hash = (u64, i64, i64);

/// What `etcdutl hashkv` of 3.6 says of a copy of the file, which it opens for writing.
pub(crate) fn hash_of_file(snapshot: &Path, revision: i64) -> Hash {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    std::fs::copy(snapshot, &copy).unwrap();
    let args = ["hashkv", copy.to_str().unwrap(), "--rev", &revision.to_string(), "-w", "json"]
        .map(str::to_owned);
    let said = json(&run(&Version::V3_6.program("etcdutl"), args, folder.path(), b""));
    let number = |name: &str| said[name].as_i64().unwrap();
    (said["hash"].as_u64().unwrap(), number("hashRevision"), number("compactRevision"))
}

/// What each member answers for `revision`. Only 3.6 says which revision it hashed.
pub(crate) fn hashes_of_members(cluster: &Cluster, revision: i64) -> Vec<Hash> {
    let (urls, asked) = (cluster.all_urls(), revision.to_string());
    let said =
        cluster.ctl(&["endpoint", "hashkv", "--endpoints", &urls, "--rev", &asked, "-w", "json"]);
    let Value::Array(members) = json(&said) else { panic!("{said}") };
    let answers = members.iter().map(|member| &member["HashKV"]);
    answers
        .map(|answer| {
            let hashed = answer["hash_revision"].as_i64().unwrap_or(revision);
            (
                answer["hash"].as_u64().unwrap(),
                hashed,
                answer["compact_revision"].as_i64().unwrap_or(0),
            )
        })
        .collect()
}

/// The revision that a read answers with.
pub(crate) fn revision(cluster: &Cluster) -> i64 {
    let said = cluster.ctl(&["get", "any", "-w", "json"]);
    json(&said)["header"]["revision"].as_i64().unwrap()
}

/// How many keys a read finds.
pub(crate) fn live_keys(cluster: &Cluster) -> u64 {
    let said = cluster.ctl(&["get", "", "--from-key", "--limit", "1", "-w", "json"]);
    json(&said)["count"].as_u64().unwrap_or(0)
}

fn json(said: &str) -> Value {
    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error} in {said}"))
}
