// SPDX-License-Identifier: Apache-2.0
//! The last word: one sentence and one JSON line, where `kubectl describe pod` shows them.

use std::io;
use std::path::Path;

use serde_json::{Value, json};
use small_file::{FOR_ALL, replace_file};

use crate::outcome::Exit;

/// A pod has 12 KiB for all its containers.
const MOST: usize = 1024;
const DEFAULT: &str = "/dev/termination-log";

/// The message's text: facts are dropped, then the sentence cut, until it fits.
pub(crate) fn message(name: &str, exit: Exit, sentence: &str, facts: &Value) -> String {
    let sentence: String = sentence.split(['\n', '\r']).collect::<Vec<_>>().join(" ");
    let json = |facts: &Value| match facts {
        Value::Null => json!({"name": name, "exit": exit.code()}).to_string(),
        facts => json!({"name": name, "exit": exit.code(), "facts": facts}).to_string(),
    };
    let full = format!("{sentence}\n{}", json(facts));
    if full.len() <= MOST {
        return full;
    }
    let tail = json(&Value::Null);
    let room = MOST - tail.len() - 1;
    let mut end = sentence.len().min(room);
    while !sentence.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}\n{tail}", &sentence[..end])
}

/// Writes the message, if there is a place for it.
pub(crate) fn write(path: Option<&Path>, text: &str) -> io::Result<()> {
    let default = Path::new(DEFAULT);
    match path.or(default.exists().then_some(default)) {
        Some(path) => std::fs::write(path, text),
        None => Ok(()),
    }
}

/// Writes all of the outcome, whole or not at all.
pub(crate) fn outcome(
    path: &Path,
    name: &str,
    exit: Exit,
    sentence: &str,
    facts: &Value,
) -> io::Result<()> {
    let all = json!({"name": name, "exit": exit.code(), "sentence": sentence, "facts": facts});
    replace_file(path, format!("{all}\n").as_bytes(), FOR_ALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_never_exceeds_its_bound_nor_cuts_a_character() {
        for length in [0, 10, 900, 1000, 5000] {
            let text = message(
                "n",
                Exit::Failed,
                &"\u{20ac}".repeat(length),
                &json!({"a": "b".repeat(50)}),
            );
            assert!(text.len() <= MOST, "{}", text.len());
            let (_, line) = text.rsplit_once('\n').unwrap();
            let parsed: Value = serde_json::from_str(line).unwrap();
            assert_eq!(parsed["exit"], 1);
        }
    }

    #[test]
    fn a_message_has_two_lines_whatever_the_sentence_holds() {
        let text = message("n", Exit::Done, "one\ntwo", &Value::Null);
        assert_eq!(text.lines().count(), 2);
    }
}
