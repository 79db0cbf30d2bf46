// SPDX-License-Identifier: Apache-2.0
//! What is done to a cluster before its snapshot is taken.

use std::fmt::Write;

use crate::cluster::Cluster;
use crate::judge;

/// Puts keys `PREFIX-0` to `PREFIX-(count - 1)`, a hundred in a transaction.
pub(crate) fn put_many(cluster: &Cluster, prefix: &str, count: usize) {
    for from in (0..count).step_by(100) {
        let puts = (from..count.min(from + 100)).fold(String::new(), |mut all, number| {
            let _ = writeln!(all, "put {prefix}-{number} \"{number} of {count}\"");
            all
        });
        cluster.ctl_with(&["txn"], format!("\n{puts}\n\n").as_bytes());
    }
}

pub(crate) fn put(cluster: &Cluster, key: &str, value: &[u8]) {
    cluster.ctl_with(&["put", key], value);
}

/// Grants a lease and returns its id.
pub(crate) fn lease(cluster: &Cluster) -> String {
    let said = cluster.ctl(&["lease", "grant", "3600"]);
    said.split_whitespace().nth(1).unwrap().to_owned()
}

pub(crate) fn compact(cluster: &Cluster, revision: i64, flags: &[&str]) {
    let revision = revision.to_string();
    cluster.ctl(&[&["compact", &revision], flags].concat());
}

/// Bytes that do not repeat, `len` of them.
pub(crate) fn bytes(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'a' + (state >> 59) as u8 % 26
    };
    (0..len).map(|_| next()).collect()
}

/// A bit of everything that changes keys: returns the revisions worth hashing.
pub(crate) fn everything(cluster: &Cluster) -> Vec<i64> {
    put_many(cluster, "many", 1200);
    put_many(cluster, "some", 300);
    put(cluster, "große-Schlüssel-鍵-🔑", "värde".as_bytes());
    put(cluster, "large", &bytes(1 << 20));
    cluster.ctl(&["del", "many-1", "--prefix"]);
    let boundary = judge::revision(cluster);
    put_many(cluster, "many", 500);
    let (kept, revoked) = (lease(cluster), lease(cluster));
    cluster.ctl(&["put", "leased", "kept", "--lease", &kept]);
    cluster.ctl(&["put", "leased-too", "lost", "--lease", &revoked]);
    compact(cluster, boundary, &[]);
    cluster.ctl(&["lease", "revoke", &revoked]);
    put(cluster, "large", &bytes(1_200_000));
    cluster.ctl(&["del", "some-2", "--prefix"]);
    let middle = judge::revision(cluster);
    put_many(cluster, "some", 260);
    cluster.ctl(&["del", "leased"]);
    put(cluster, "last", b"1");
    vec![boundary, boundary + 1, middle - 1, middle, judge::revision(cluster)]
}

/// Makes `root` the user without whom nothing goes.
pub(crate) fn turn_auth_on(cluster: &mut Cluster) {
    cluster.ctl(&["user", "add", "root:secret"]);
    cluster.ctl(&["user", "grant-role", "root", "root"]);
    cluster.ctl(&["auth", "enable"]);
    cluster.login = Some("root:secret");
}

/// Puts values of `len` bytes until the quota is used up, and the alarm that follows is raised.
pub(crate) fn fill(cluster: &Cluster, len: usize) {
    let value = bytes(len);
    for number in 0..200 {
        let key = format!("filler-{number}");
        let output = cluster.try_ctl(&["put", &key], &value);
        if String::from_utf8_lossy(&output.stderr).contains("space exceeded") {
            return;
        }
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    panic!("no quota stopped this");
}
