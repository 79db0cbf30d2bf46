// SPDX-License-Identifier: Apache-2.0
//! Flags that cannot be used are told all at once, before anything is asked of a store.

use stock::Run;

fn program(args: &[&str]) -> Run {
    crate::program(args)
}

#[test]
fn every_mistake_is_told_at_once() {
    let args = ["--orphan-age", "1h", "--class", "nightly", "--s3-endpoint", "nowhere"];
    program(&args).end().assert(
        64,
        &[
            "--from",
            "--namespace",
            "--cluster",
            "--class",
            "no rule",
            "--orphan-age",
            "--s3-endpoint",
        ],
    );
}

#[test]
fn a_floor_alone_is_no_rule() {
    let args = ["--from", "file:///tmp", "--namespace", "ns", "--cluster", "etcd"];
    program(&args).args(["--min-keep", "5", "--apply"]).end().assert(64, &["no rule says"]);
    program(&args).args(["--keep-last", "0"]).end().assert(64, &["no rule says"]);
}

#[test]
fn a_cluster_alone_is_no_place_and_its_name_must_be_one() {
    let args = ["--from", "file:///tmp", "--keep-last", "1"];
    program(&args).args(["--cluster", "etcd"]).end().assert(64, &["--namespace"]);
    let args = [&args[..], &["--namespace", "../x", "--cluster", "y"]].concat();
    program(&args).end().assert(64, &["--namespace", "../x"]);
}

#[test]
fn flags_have_twins_in_the_environment() {
    let run = program(&["--check"]).env("SNAPSHOT_PRUNE_FROM", "file:///tmp");
    let run = run.env("SNAPSHOT_PRUNE_NAMESPACE", "ns").env("SNAPSHOT_PRUNE_CLUSTER", "etcd");
    let ended = run.env("SNAPSHOT_PRUNE_KEEP_DAILY", "7").start();
    let mut running = ended.running;
    assert_eq!(running.wait(std::time::Duration::from_secs(20)).unwrap().code(), Some(0));
    assert_eq!(running.stdout(), "configuration is valid\n");
}
