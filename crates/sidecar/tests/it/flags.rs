// SPDX-License-Identifier: Apache-2.0
//! Flags and their env twins.

use serde_json::json;

use crate::harness::{LastWord, contract, run, text};

#[test]
fn all_bad_values_are_named_at_once() {
    let last_word = LastWord::new();
    let mut command = contract(&["--size", "much", "--span", "0s", "--span", "1h", "--span", "x"]);
    command.args(["--grace", "never", "--log-format", "xml", "--sentence", ""]);
    command.arg("--termination-log").arg(last_word.path());
    let output = run(command);
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    let (_, sentence, json) = last_word.read();
    assert_eq!(json["exit"], 64);
    for part in [
        "--end is required (or CONTRACT_END)",
        "--size much: write it as 64KiB, 16MiB or 5GB",
        "--span 0s: must be longer than nothing",
        "--span x: ",
        "--grace never: ",
        "--log-format xml: known formats are json and text",
        "--sentence says nothing",
    ] {
        assert!(sentence.contains(part), "{part} in {sentence}");
    }
    assert!(!sentence.contains("1h"), "a good value is no problem: {sentence}");
    assert_eq!(text(&output.stderr), format!("contract: {sentence}\n"));
}

/// Clap stops at such an error; the exit code and the last word are still the contract's.
#[test]
fn an_unknown_flag_is_a_usage_error_with_a_last_word() {
    let by_flag = LastWord::new();
    let mut command = contract(&["--no-such-flag"]);
    command.arg("--termination-log").arg(by_flag.path());
    let by_equals = LastWord::new();
    let mut equals = contract(&[&format!("--termination-log={}", by_equals.path().display())]);
    equals.arg("--no-such-flag");
    let by_twin = LastWord::new();
    let mut twin = contract(&["--no-such-flag"]);
    twin.env("CONTRACT_TERMINATION_LOG", by_twin.path());
    for (command, last_word) in [(command, by_flag), (equals, by_equals), (twin, by_twin)] {
        let output = run(command);
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert!(text(&output.stderr).contains("--no-such-flag"), "{output:?}");
        let (_, sentence, json) = last_word.read();
        assert!(sentence.contains("--no-such-flag"), "{sentence}");
        assert_eq!(json["exit"], 64);
    }
}

#[test]
fn a_check_says_that_all_is_valid_and_touches_nothing() {
    let last_word = LastWord::new();
    let mut command = contract(&["--check", "--end", "hang"]);
    command.arg("--termination-log").arg(last_word.path());
    let output = run(command);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(text(&output.stdout), "configuration is valid\n");
    assert!(last_word.is_absent());
}

#[test]
fn a_check_fails_as_the_run_would() {
    let output = run(contract(&["--check", "--end", "well"]));
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert_eq!(text(&output.stdout), "");
    assert_eq!(text(&output.stderr), "contract: --end well: no such end\n");
}

/// The facts of a run with these arguments and variables.
fn facts(arguments: &[&str], variables: &[(&str, &str)]) -> serde_json::Value {
    let last_word = LastWord::new();
    let mut command = contract(arguments);
    command.envs(variables.iter().copied());
    command.arg("--termination-log").arg(last_word.path());
    let output = run(command);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    last_word.read().2["facts"].clone()
}

#[test]
fn a_twin_stands_for_its_flag_and_the_flag_wins() {
    let twins = [("CONTRACT_END", "done"), ("CONTRACT_SIZE", "2KiB"), ("CONTRACT_SPAN", "90s")];
    assert_eq!(facts(&[], &twins), json!({"size": 2048, "spans": [90.0]}));
    let flags = ["--size", "3KiB", "--span", "1s", "--span", "2s"];
    assert_eq!(facts(&flags, &twins), json!({"size": 3072, "spans": [1.0, 2.0]}));
}

/// A pod spec often sets a variable to nothing to take it back.
#[test]
fn an_empty_twin_counts_as_unset() {
    let facts = facts(&["--end", "done"], &[("CONTRACT_SIZE", ""), ("CONTRACT_CHECK", "")]);
    assert_eq!(facts["size"], json!(null));
}

#[test]
fn a_bad_twin_is_named_like_a_bad_flag() {
    let mut command = contract(&["--end", "done"]);
    command.env("CONTRACT_SIZE", "much");
    let output = run(command);
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(text(&output.stderr).contains("--size much"), "{output:?}");
}

#[test]
fn a_flag_without_a_value_has_a_twin_too() {
    let mut command = contract(&["--end", "hang"]);
    command.env("CONTRACT_CHECK", "true");
    assert_eq!(text(&run(command).stdout), "configuration is valid\n");
}

#[test]
fn the_version_names_the_binary_the_version_and_the_commit() {
    let output = run(contract(&["--version"]));
    assert_eq!(output.status.code(), Some(0));
    let build = sidecar::build_info("contract");
    let line = format!("contract {} ({})\n", build.version, build.commit);
    assert_eq!(text(&output.stdout), line);
}

#[test]
fn help_of_either_length_names_every_twin_but_not_its_value() {
    for help in ["-h", "--help"] {
        let mut command = contract(&[help]);
        command.env("CONTRACT_SENTENCE", "hunter2");
        let output = run(command);
        assert_eq!(output.status.code(), Some(0));
        let shown = text(&output.stdout);
        for flag in ["END", "SENTENCE", "SIZE", "SPAN", "TERMINATION_LOG", "GRACE", "CHECK"] {
            assert!(shown.contains(&format!("[env: CONTRACT_{flag}]")), "{flag} in {shown}");
        }
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

/// The last word has room for 1,024 bytes; the file has room for everything.
#[test]
fn the_outcome_file_has_all_of_the_outcome_whatever_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("outcome");
    let long = "x".repeat(5000);
    for (end, exit) in [("done", 0), ("partial", 2), ("fail", 1), ("unavailable", 69)] {
        let mut command = contract(&["--end", end, "--sentence", &long, "--size", "64KiB"]);
        command.arg("--outcome-file").arg(&file);
        let output = run(command);
        assert_eq!(output.status.code(), Some(exit), "{output:?}");
        let text = std::fs::read_to_string(&file).expect("an outcome");
        let outcome: serde_json::Value = serde_json::from_str(&text).expect("one JSON line");
        assert_eq!(outcome["exit"], exit, "{text}");
        assert!(outcome["sentence"].as_str().is_some_and(|it| it.contains(&long)), "{end}: {text}");
    }
}
