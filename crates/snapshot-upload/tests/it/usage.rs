// SPDX-License-Identifier: Apache-2.0
//! Flags: every bad one is named at once, and nothing is done.

use assert_cmd::Command;

fn run(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snapshot-upload"));
    let output = command.env_clear().args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    (output.status.code(), text.into_owned())
}

#[test]
fn every_bad_value_is_named_at_once() {
    let (code, text) = run(&[
        "etcd",
        "--endpoint",
        "etcd:2379",
        "--cert",
        "x",
        "--user",
        "root",
        "--to",
        "ftp://x",
        "--namespace",
        "a/b",
        "--class",
        "nightly",
        "--stall-timeout",
        "0s",
        "--compress",
        "gzip",
        "--spool-limit",
        "much",
        "--encrypt-to",
        "/none",
    ]);
    assert_eq!(code, Some(64), "{text}");
    for part in [
        "etcd:2379",
        "--cert and --key",
        "--user and --password-file",
        "--to ftp://x",
        "--namespace a/b",
        "--cluster is required (or SNAPSHOT_UPLOAD_CLUSTER)",
        "--class nightly",
        "--stall-timeout 0s",
        "--compress gzip",
        "--spool-limit much",
        "--encrypt-to /none",
    ] {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

#[test]
fn a_flag_may_stand_before_or_behind_the_source_and_in_the_environment() {
    let valid = ["--to", "file:///tmp", "--namespace", "n", "--cluster", "c", "--check"];
    let endpoint = ["etcd", "--endpoint", "http://localhost:2379"];
    let (code, text) = run(&[&valid[..], &endpoint[..]].concat());
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = run(&[&endpoint[..], &valid[..]].concat());
    assert_eq!(code, Some(0), "{text}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_snapshot-upload"));
    command.env_clear().args(["etcd", "--check"]);
    for (name, value) in [
        ("ENDPOINT", "http://a:1,http://b:2"),
        ("TO", "file:///tmp"),
        ("NAMESPACE", "n"),
        ("CLUSTER", "c"),
        ("COMPARE_MEMBERS", "true"),
    ] {
        command.env(format!("SNAPSHOT_UPLOAD_{name}"), value);
    }
    command.assert().code(0);
}

#[test]
fn a_pipe_without_any_proof_of_its_end_is_refused() {
    let valid = ["--to", "file:///tmp", "--namespace", "n", "--cluster", "c"];
    let (code, text) = run(&[&["stdin"], &valid[..]].concat());
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("--producer-exit-file") && text.contains("killed"), "{text}");
}

#[test]
fn the_help_of_a_source_tells_of_its_flags_and_of_the_common_ones() {
    let (code, text) = run(&["etcd", "--help"]);
    assert_eq!(code, Some(0));
    for part in
        ["--endpoint", "--compare-members", "--run-id", "--spool-limit", "SNAPSHOT_UPLOAD_TO"]
    {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    assert!(!text.contains("--password <"), "{text}");
}
