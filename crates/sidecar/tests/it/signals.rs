// SPDX-License-Identifier: Apache-2.0
//! The first signal asks, the second does not.

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{LastWord, Running, contract};

/// A process that runs, its handlers in place.
fn running(end: &str, last_word: &LastWord) -> Running {
    let mut command = contract(&["--end", end]);
    command.arg("--termination-log").arg(last_word.path());
    let mut running = Running::start(command);
    running.expect_message("running");
    running
}

#[test]
fn a_first_signal_lets_a_server_drain_and_end_well() {
    for signal in [Signal::TERM, Signal::INT] {
        let last_word = LastWord::new();
        let mut running = running("drain", &last_word);
        running.signal(signal);
        assert_eq!(running.expect_message("finished")["exit"], 0);
        assert_eq!(running.wait().code(), Some(0));
        assert_eq!(last_word.read().1, "it is done");
    }
}

#[test]
fn a_job_that_is_stopped_before_its_end_exits_with_143() {
    let last_word = LastWord::new();
    let mut running = running("interrupted", &last_word);
    running.signal(Signal::TERM);
    assert_eq!(running.wait().code(), Some(143));
    let (_, sentence, json) = last_word.read();
    assert_eq!((sentence.as_str(), &json["exit"]), ("stopped at half", &json!(143)));
}

#[test]
fn a_second_signal_ends_a_drain_at_once() {
    for (first, second) in [(Signal::TERM, Signal::TERM), (Signal::INT, Signal::TERM)] {
        let last_word = LastWord::new();
        let mut running = running("deaf", &last_word);
        running.signal(first);
        running.expect_message("heard");
        running.signal(second);
        assert_eq!(running.wait().code(), Some(143));
    }
}

/// The handler itself exits, so no thread has to be free for it. Two different signals, because two
/// of a kind may become one while they are pending.
#[test]
fn a_second_signal_ends_even_a_process_whose_only_thread_hangs() {
    let last_word = LastWord::new();
    let mut running = running("hang", &last_word);
    running.signal(Signal::TERM);
    running.signal(Signal::INT);
    assert_eq!(running.wait().code(), Some(143));
}
