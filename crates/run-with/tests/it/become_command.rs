// SPDX-License-Identifier: Apache-2.0
//! After the exec nothing of `run-with` is left.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::harness::{Folder, Running, run, run_with, text};

#[test]
fn the_exit_code_is_the_commands_own() {
    let output = run(run_with().args(["--", "sh", "-c", "exit 7"]));
    assert_eq!(output.status.code(), Some(7), "{output:?}");
}

#[test]
fn arguments_reach_the_command_unchanged() {
    let output = run(run_with().args(["--", "printf", "%s|", "--check", "", "a b", "$HOME", "--"]));
    assert_eq!(text(&output.stdout), "--check||a b|$HOME|--|");
}

#[test]
fn a_success_prints_and_leaves_nothing_of_its_own() {
    let folder = Folder::new();
    let last_word = folder.path("last-word");
    let output = run(run_with().arg("--termination-log").arg(&last_word).args(["--", "true"]));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!((text(&output.stdout), text(&output.stderr)), (String::new(), String::new()));
    assert!(!last_word.exists(), "the last word is the command's");
}

/// The command has the process id that the caller knows, so the kubelet's SIGTERM reaches it.
#[test]
fn a_signal_to_the_known_process_id_reaches_the_command() {
    let mut command = run_with();
    let cat = command.args(["--", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = Running::start(cat);
    running.child.stdin.as_mut().unwrap().write_all(b"it runs\n").unwrap();
    let mut line = String::new();
    BufReader::new(running.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "it runs\n");
    let name = std::fs::read_to_string(format!("/proc/{}/comm", running.child.id())).unwrap();
    assert_eq!(name, "cat\n");

    running.signal(Signal::TERM);
    assert_eq!(running.wait().signal(), Some(Signal::TERM.as_raw()));
}

/// Run through `run-with`, and run directly.
fn both(words: &[&str]) -> (String, String) {
    let mut direct = Command::new(words[0]);
    direct.args(&words[1..]);
    let mut through = run_with();
    through.arg("--").args(words);
    (text(&run(&mut through).stdout), text(&run(&mut direct).stdout))
}

/// Its bit in the masks of proc(5).
const SIGINT: u64 = 1 << 1;

/// A tool that inherits an ignored SIGPIPE writes for ever into a closed pipe.
#[test]
fn the_command_inherits_no_ignored_caught_or_blocked_signal() {
    // The signals above 31 are the C library's own business.
    let masks = |status: &str| -> Vec<u64> {
        let names = ["SigBlk:\t", "SigIgn:\t", "SigCgt:\t"];
        let lines = status.lines();
        let masks = lines.filter_map(|line| names.iter().find_map(|name| line.strip_prefix(name)));
        masks.map(|mask| u64::from_str_radix(mask, 16).unwrap() & 0x7fff_ffff).collect()
    };
    let (through, direct) = both(&["cat", "/proc/self/status"]);
    let (through, mut direct) = (masks(&through), masks(&direct));
    assert_eq!(direct.len(), 3);
    // A shell ignores SIGINT for what it runs in the background; whoever hears it hands it on unignored.
    direct[1] &= !SIGINT;
    assert_eq!(through, direct);
}

#[test]
fn no_file_of_ours_stays_open_in_the_command() {
    let (through, direct) = both(&["ls", "/proc/self/fd"]);
    assert!(through.starts_with("0\n1\n"), "{through}");
    assert_eq!(through, direct);
}

#[test]
fn a_command_that_is_not_there_is_named() {
    for (program, part) in [
        ("no-such-tool", "command not found: no-such-tool is in no directory of PATH"),
        ("/no/such/tool", "command not found: /no/such/tool"),
        ("/etc/passwd", "command cannot be executed: /etc/passwd: Permission denied"),
        ("/", "command cannot be executed: /: Permission denied"),
    ] {
        let output = run(run_with().args(["--", program]));
        assert_eq!(output.status.code(), Some(69), "{output:?}");
        assert!(text(&output.stderr).contains(part), "{output:?}");
    }
}

#[test]
fn a_failure_has_a_last_word() {
    let folder = Folder::new();
    let last_word = folder.path("last-word");
    run(run_with().arg("--termination-log").arg(&last_word).args(["--", "no-such-tool"]));
    let written = std::fs::read_to_string(last_word).unwrap();
    let (sentence, json) = written.split_once('\n').unwrap();
    assert!(sentence.starts_with("command not found: no-such-tool"), "{written}");
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!((json["name"].as_str(), json["exit"].as_u64()), (Some("run-with"), Some(69)));
}

#[test]
fn a_variable_beyond_the_kernels_limit_is_explained() {
    let folder = Folder::new();
    let file = folder.write("large", vec![b'x'; 200 * 1024]);
    let output =
        run(run_with().args(["--env", &crate::harness::from_file("LARGE", &file), "--", "true"]));
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(text(&output.stderr).contains("128 KiB"), "{output:?}");
}
