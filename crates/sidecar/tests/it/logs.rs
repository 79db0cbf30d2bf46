// SPDX-License-Identifier: Apache-2.0
//! The shape of the log.

use serde_json::{Value, json};

use crate::harness::{contract, json_lines, run, text};

fn log(arguments: &[&str], rust_log: Option<&str>) -> String {
    let mut command = contract(arguments);
    if let Some(filter) = rust_log {
        command.env("RUST_LOG", filter);
    }
    text(&run(command).stdout)
}

fn messages(log: &str) -> Vec<String> {
    let message = |line: Value| line["message"].as_str().unwrap().to_owned();
    json_lines(log.as_bytes()).into_iter().map(message).collect()
}

#[test]
fn the_first_line_says_what_runs_and_the_last_how_it_ended() {
    let lines = json_lines(log(&["--end", "done"], None).as_bytes());
    let (first, last) = (lines.first().unwrap(), lines.last().unwrap());
    let build = sidecar::build_info("contract");
    assert_eq!(first["message"], "starting");
    for (field, value) in
        [("name", build.name), ("version", build.version), ("commit", build.commit)]
    {
        assert_eq!(first[field], value);
    }
    assert_eq!(last["message"], "finished");
    assert_eq!((&last["exit"], &last["outcome"]), (&json!(0), &json!("it is done")));
}

#[test]
fn a_failure_shows_its_exit_code_and_its_whole_chain() {
    let lines = json_lines(log(&["--end", "fail"], None).as_bytes());
    let last = lines.last().unwrap();
    assert_eq!((&last["message"], &last["level"]), (&json!("failed"), &json!("ERROR")));
    assert_eq!((&last["exit"], &last["error"]), (&json!(1), &json!("above: below: it is done")));
}

/// A collector that indexes fields wants them at the top, and a time it can read.
#[test]
fn a_line_is_one_flat_json_object_with_time_and_level() {
    for line in json_lines(log(&["--end", "done"], None).as_bytes()) {
        let fields = line.as_object().unwrap();
        assert!(fields.values().all(|value| !value.is_object()), "{line}");
        assert_eq!(line["level"], "INFO");
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.contains('T'), "{time}");
    }
}

#[test]
fn text_is_for_people_and_has_no_colours_outside_a_terminal() {
    let log = log(&["--end", "done", "--log-format", "text"], None);
    let first = log.lines().next().unwrap();
    assert!(first.contains("INFO starting name=\"contract\""), "{first}");
    assert!(!log.contains('\u{1b}'), "{log}");
}

#[test]
fn the_filter_is_respected_and_an_empty_one_counts_as_unset() {
    let ordinary = ["starting", "running", "finished"];
    for (filter, expected) in
        [(None, &ordinary[..]), (Some(""), &ordinary), (Some("warn"), &[]), (Some("off"), &[])]
    {
        assert_eq!(messages(&log(&["--end", "done"], filter)), expected, "{filter:?}");
    }
    assert_eq!(messages(&log(&["--end", "fail"], Some("warn"))), ["failed"]);
}

#[test]
fn grace_is_25_seconds_unless_told_otherwise() {
    for (flags, seconds) in
        [(&["--end", "done"][..], 25.0), (&["--end", "done", "--grace", "90s"], 90.0)]
    {
        let lines = json_lines(log(flags, None).as_bytes());
        assert_eq!(lines[1]["grace_s"], json!(seconds), "{flags:?}");
    }
}
