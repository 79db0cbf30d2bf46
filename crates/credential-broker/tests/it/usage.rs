// SPDX-License-Identifier: Apache-2.0
//! Bad input is named, all of it at once, before anything is done.

use testbed::Spawn;

use crate::bed::{SOON, binary};

fn run(args: &[&str]) -> (Option<i32>, String) {
    let mut run = Spawn::new(binary()).clean_env().args(args).start().unwrap();
    (run.wait(SOON).unwrap().code(), run.stdout() + &run.stderr())
}

fn refused(args: &[&str]) -> String {
    let (code, said) = run(args);
    assert_eq!(code, Some(64), "{said}");
    said
}

fn assert_names(said: &str, names: &[&str]) {
    for name in names {
        assert!(said.contains(name), "{name} is not in: {said}");
    }
}

#[test]
fn every_missing_and_contradictory_flag_is_named_at_once() {
    assert_names(&refused(&[]), &["--issuer", "--audience", "--allow-anonymous"]);
    let said = refused(&[
        "--issuer",
        "vault:x",
        "--listen",
        "9091",
        "--tls-cert",
        "/x",
        "--audience",
        "a",
        "--allow-anonymous",
        "--max-entries",
        "0",
        "--refusal-ttl",
        "soon",
        "--admin-listen",
        "x",
        "--answer-within",
        "5h",
    ]);
    assert_names(
        &said,
        &[
            "--issuer vault:x",
            "--listen",
            "--tls-key",
            "exclude each other",
            "--max-entries 0",
            "--refusal-ttl",
            "--admin-listen",
            "--answer-within",
        ],
    );
}

#[test]
fn flags_that_check_callers_are_refused_where_nobody_is_checked() {
    let said = refused(&[
        "--issuer",
        "file:/etc/issued",
        "--listen",
        "127.0.0.1:0",
        "--allow-anonymous",
        "--group-label",
        "g",
        "--type-label",
        "t",
        "--kube-config",
        "/etc/kube",
    ]);
    let apart = "and --allow-anonymous exclude each other";
    for flag in ["--group-label", "--type-label", "--kube-config"] {
        assert_names(&said, &[&format!("{flag} {apart}")]);
    }
}

#[test]
fn a_session_that_would_be_too_wide_is_refused() {
    let role = "sts:arn:aws:iam::1:role/r";
    let said = refused(&["--allow-anonymous", "--issuer", role, "--sts-duration", "1m"]);
    assert_names(&said, &["--sts-bucket is required", "--sts-duration"]);
    let said = refused(&[
        "--allow-anonymous",
        "--issuer",
        role,
        "--sts-bucket",
        "b",
        "--sts-prefix",
        "{user}/*",
    ]);
    assert_names(&said, &["--sts-prefix", "{group}"]);
}

#[test]
fn flags_of_another_issuer_are_refused() {
    let said = refused(&[
        "--allow-anonymous",
        "--issuer",
        "file:/x",
        "--sts-bucket",
        "b",
        "--repo-password-file",
        "/p",
    ]);
    assert_names(&said, &["--sts-bucket", "--repo-password-file"]);
}

#[test]
fn the_public_host_needs_a_device_key() {
    let said = refused(&["--allow-anonymous", "--issuer", "canopy:https://plane.example"]);
    assert_names(&said, &["--canopy-device-key"]);
    let said = refused(&["--allow-anonymous", "--issuer", "canopy"]);
    assert_names(&said, &["CANOPY_BASE_URL"]);
}

#[test]
fn callers_cannot_be_checked_without_a_cluster() {
    let (code, said) = run(&[
        "--audience",
        "a",
        "--issuer",
        "canopy:http://127.0.0.1:1",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(code, Some(64), "{said}");
    assert_names(&said, &["service account", "--kube-config"]);
}

#[test]
fn the_help_tells_every_flag_and_its_variable() {
    let (code, said) = run(&["--help"]);
    assert_eq!(code, Some(0));
    assert_names(
        &said,
        &[
            "--issuer",
            "CREDENTIAL_BROKER_ISSUER",
            "--audience",
            "--allow-anonymous",
            "--legacy-wire",
            "--canopy-url",
            "--metrics-listen",
            "PGRO_BROKER_LISTEN_ADDR",
        ],
    );
}
