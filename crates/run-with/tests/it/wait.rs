// SPDX-License-Identifier: Apache-2.0
//! Waiting for files: late ones, absent ones, and a stop meanwhile.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{Folder, Running, run, run_with, text};

/// Says on standard error when it waits.
fn telling() -> Command {
    let mut command = run_with();
    command.env("RUST_LOG", "debug");
    command
}

#[test]
fn the_command_starts_when_the_last_file_appears_and_sees_what_it_holds() {
    let folder = Folder::new();
    let (one, two) = (folder.path("one"), folder.path("two"));
    let mut command = telling();
    command.arg("--wait-for").arg(&one).arg("--wait-for").arg(&two);
    command.arg("--env-file").arg(&two).args(["--", "sh", "-c", "test \"$A\" = late"]);
    let mut running = Running::start(&mut command);
    running.expect_line("waiting");
    folder.write("one", "");
    running.expect_line("waiting");
    folder.write("two", "A=late");
    assert_eq!(running.wait().code(), Some(0), "{}", running.stderr());
}

#[test]
fn the_files_that_did_not_appear_are_named_and_no_others() {
    let folder = Folder::new();
    let (there, absent, gone) =
        (folder.write("there", ""), folder.path("absent"), folder.path("gone"));
    let mut command = run_with();
    for file in [&there, &absent, &gone] {
        command.arg("--wait-for").arg(file);
    }
    let started = Instant::now();
    let output = run(command.args(["--wait-timeout", "250ms", "--", "echo", "it ran"]));
    assert!(started.elapsed() >= Duration::from_millis(250));
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert_eq!(text(&output.stdout), "", "the command must not run");
    let names = format!("within 250ms: {}, {};", absent.display(), gone.display());
    assert!(text(&output.stderr).contains(&names), "{output:?}");
}

#[test]
fn a_path_that_can_never_appear_is_named_with_its_reason() {
    let folder = Folder::new();
    let below_a_file = folder.write("file", "").join("x");
    let mut command = run_with();
    command.arg("--wait-for").arg(&below_a_file);
    let output = run(command.args(["--wait-timeout", "1ms", "--", "true"]));
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(text(&output.stderr).contains("Not a directory"), "{output:?}");
}

#[test]
fn a_stop_while_it_waits_ends_it_with_143_and_without_the_command() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = Folder::new();
        let (absent, last_word) = (folder.path("absent"), folder.path("last-word"));
        let mut command = telling();
        command.arg("--wait-for").arg(&absent).arg("--termination-log").arg(&last_word);
        command.args(["--", "echo", "it ran"]).stdout(Stdio::piped());
        let mut running = Running::start(&mut command);
        running.expect_line("waiting");
        running.signal(signal);
        assert_eq!(running.wait().code(), Some(143), "{}", running.stderr());
        let mut stdout = running.child.stdout.take().unwrap();
        assert_eq!(std::io::read_to_string(&mut stdout).unwrap(), "");
        let written = std::fs::read_to_string(last_word).unwrap();
        let sentence = format!("stopped while waiting for {}\n", absent.display());
        assert!(written.starts_with(&sentence), "{written}");
    }
}
