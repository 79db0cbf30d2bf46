// SPDX-License-Identifier: Apache-2.0
//! What is wrong with the flags.

use crate::harness::{Folder, run, run_with, text};

#[test]
fn all_wrong_flags_are_named_at_once_and_no_secret_is_repeated() {
    let mut command = run_with();
    command.args(["--wait-timeout", "soon", "--env", "PASSWORD=hunter2", "--env", "hunter3"]);
    let output = run(&mut command);
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    let stderr = text(&output.stderr);
    for part in [
        "--wait-timeout soon: ",
        "--env PASSWORD: ",
        "without `=`",
        "a command is required after --",
    ] {
        assert!(stderr.contains(part), "{part} in {stderr}");
    }
    assert!(!stderr.contains("hunter"), "{stderr}");
}

#[test]
fn a_command_without_the_two_dashes_is_a_usage_error() {
    let output = run(run_with().args(["echo", "it ran"]));
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(text(&output.stderr).contains("-- "), "{output:?}");
}

#[test]
fn a_check_neither_waits_nor_runs_the_command() {
    let folder = Folder::new();
    let mut command = run_with();
    command.arg("--check").arg("--wait-for").arg(folder.path("absent"));
    let output = run(command.args(["--", "no-such-tool"]));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(text(&output.stdout), "configuration is valid\n");
}

#[test]
fn a_flag_has_an_env_twin_and_wins_over_it() {
    let absent = Folder::new().path("absent");
    let mut command = run_with();
    command.env("RUN_WITH_WAIT_FOR", &absent).env("RUN_WITH_WAIT_TIMEOUT", "1h");
    let output = run(command.args(["--wait-timeout", "1ms", "--", "true"]));
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(text(&output.stderr).contains("within 1ms"), "{output:?}");
}

#[test]
fn there_is_nothing_to_probe() {
    let output = run(run_with().arg("probe"));
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(text(&output.stderr).contains("no admin listener"), "{output:?}");
}
