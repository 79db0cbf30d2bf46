// SPDX-License-Identifier: Apache-2.0
//! Exit codes and last words.

use serde_json::json;

use crate::harness::{LastWord, contract, json_lines, run, text};

/// Runs with this end and sentence; the exit code and the last word.
fn end(end: &str, sentence: &str) -> (Option<i32>, LastWord) {
    let last_word = LastWord::new();
    let mut command = contract(&["--end", end, "--sentence", sentence, "--size", "1KiB"]);
    command.arg("--termination-log").arg(last_word.path());
    (run(command).status.code(), last_word)
}

#[test]
fn each_end_has_its_exit_code_and_its_sentence() {
    for (how, code, sentence) in [
        ("done", 0, "so it went"),
        ("partial", 2, "so it went"),
        ("fail", 1, "above: below: so it went"),
        ("unavailable", 69, "starting: so it went"),
        ("panic", 1, "a defect made contract panic; its log has the place"),
    ] {
        let (exit, last_word) = end(how, "so it went");
        assert_eq!(exit, Some(code), "{how}");
        let (_, said, json) = last_word.read();
        assert_eq!(said, sentence, "{how}");
        assert_eq!((&json["name"], &json["exit"]), (&json!("contract"), &json!(code)), "{how}");
    }
}

#[test]
fn the_facts_are_in_the_last_word() {
    let (_, last_word) = end("done", "so it went");
    let (_, _, json) = last_word.read();
    assert_eq!(json["facts"], json!({"size": 1024, "spans": []}));
}

/// A container's message is cut at its limit without regard to characters, or the JSON behind them.
#[test]
fn a_last_word_has_at_most_1024_bytes_and_whole_characters() {
    for how in ["done", "fail", "panic"] {
        for characters in [300, 320, 330, 340, 5000] {
            let (_, last_word) = end(how, &"\u{20ac}".repeat(characters));
            let (written, sentence, json) = last_word.read();
            assert!(written.len() <= 1024, "{how} {characters}: {} bytes", written.len());
            assert_eq!(json["name"], "contract");
            if how == "done" {
                assert!(sentence.chars().count() >= 300, "more was cut than needed: {sentence}");
                assert!(sentence.chars().all(|character| character == '\u{20ac}'), "{sentence}");
            }
        }
    }
}

#[test]
fn a_last_word_that_cannot_be_written_is_a_warning_and_changes_no_exit_code() {
    let last_word = LastWord::new();
    let mut command = contract(&["--end", "done", "--termination-log"]);
    command.arg(last_word.path().join("in-no-folder"));
    let output = run(command);
    assert_eq!(output.status.code(), Some(0));
    let lines = json_lines(&output.stdout);
    let warning = lines.iter().find(|line| line["level"] == "WARN").expect("a warning");
    assert_eq!(warning["message"], "the termination message cannot be written");
}

/// A thread that never ends must not keep a process that is lost.
#[test]
fn a_panic_ends_the_process_whatever_else_hangs() {
    let (exit, last_word) = end("panic-busy", "");
    assert_eq!(exit, Some(64), "an empty sentence is refused");
    assert!(!last_word.is_absent());
    let (exit, last_word) = end("panic-busy", "so it went");
    assert_eq!(exit, Some(1));
    assert!(last_word.read().1.contains("panic"));
}

#[test]
fn a_panic_leaves_its_place_on_standard_error() {
    let output = run(contract(&["--end", "panic"]));
    assert!(text(&output.stderr).contains("examples/contract.rs"), "{output:?}");
}
