// SPDX-License-Identifier: Apache-2.0
//! Help, and flags that cannot be used.

use crate::program;

#[test]
fn the_help_says_what_each_exit_code_means() {
    let mut going = program(&["--help"]).start();
    let status = going.running.wait(std::time::Duration::from_secs(20)).unwrap();
    let help = going.running.stdout();
    assert_eq!(status.code(), Some(0));
    for words in ["Exit 0: good", "65: bad", "69: cannot tell", "--deep", "serve"] {
        assert!(help.contains(words), "no `{words}` in {help}");
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let args = ["--expect", "etcd", "--deep", "0", "--max-age", "old", "--admin-listen", "9711"];
    let more = ["--identity-file", "/is/not/there", "--namespace", "ns", "--gcs-endpoint", "x"];
    program(&[&args[..], &more].concat()).end().assert(
        64,
        &[
            "--from is required",
            "--expect",
            "--deep",
            "--max-age",
            "--admin-listen",
            "--identity-file",
            "--cluster is required",
            "--gcs-endpoint",
        ],
    );
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let args = ["serve", "--from", "file:///tmp", "--admin-listen", &at];
    program(&args).end().assert(69, &["--admin-listen", &at]);
}
