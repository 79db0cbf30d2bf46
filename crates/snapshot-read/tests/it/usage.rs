// SPDX-License-Identifier: Apache-2.0
//! Flags that cannot be used are told all at once.

use crate::program;

#[test]
fn every_mistake_is_told_at_once() {
    let args = ["get", "yesterday", "/tmp", "--before", "noon", "--class", "nightly"];
    let more = ["--identity-file", "/is/not/there", "--s3-endpoint", "x"];
    program(&[&args[..], &more].concat()).end().assert(
        64,
        &[
            "--from is required",
            "--namespace is required",
            "--cluster is required",
            "or `latest`",
            "--before",
            "--class",
            "--identity-file",
            "/tmp is there already",
            "--s3-endpoint",
        ],
    );
}

#[test]
fn an_id_is_not_chosen_among_many() {
    let args = ["get", "2026-11-21T03-00-00Z-0123abcd", "/tmp/x", "--class", "manual"];
    let place = ["--from", "file:///tmp", "--namespace", "ns", "--cluster", "etcd"];
    program(&[&args[..], &place].concat()).end().assert(64, &["they go with `latest`"]);
}
