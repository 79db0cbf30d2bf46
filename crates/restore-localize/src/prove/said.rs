// SPDX-License-Identifier: Apache-2.0
//! What a program said last, as text that fits into an error.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde_json::Value;

/// So much of the end of a log is looked at, in bytes.
const TAIL: u64 = 16 * 1024;
/// So many lines are quoted, and so many characters of each.
const LINES: usize = 3;
const WIDTH: usize = 240;

/// The last lines of a log: those that tell of trouble, where there are any.
pub(crate) fn last_words(log: &Path) -> String {
    let tail = tail(log);
    let lines: Vec<&str> = tail.lines().filter(|line| !line.trim().is_empty()).collect();
    let troubled: Vec<&str> = lines.iter().copied().filter(|line| is_trouble(line)).collect();
    let told = if troubled.is_empty() { &lines } else { &troubled };
    if told.is_empty() {
        return "it said nothing".to_owned();
    }
    let last = &told[told.len().saturating_sub(LINES)..];
    format!("it said last: {}", last.iter().map(|line| short(line)).collect::<Vec<_>>().join(" | "))
}

/// Whether it ended because somebody else listens on its port.
pub(crate) fn is_port_taken(log: &Path) -> bool {
    tail(log).contains("address already in use")
}

/// Whether it ended for want of space.
pub(crate) fn is_disk_full(log: &Path) -> bool {
    tail(log).contains("no space left on device")
}

fn tail(log: &Path) -> String {
    let read = || {
        let mut file = File::open(log)?;
        let end = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(end.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// By the levels of etcd's JSON log; a panic and a refused flag come as plain text.
fn is_trouble(line: &str) -> bool {
    match serde_json::from_str::<Value>(line) {
        Ok(entry) => {
            matches!(entry["level"].as_str(), Some("error" | "fatal" | "panic" | "dpanic"))
        }
        Err(_) => {
            ["panic: ", "fatal error", "Error: ", "error "].iter().any(|it| line.starts_with(it))
        }
    }
}

/// Message and error of a JSON line; the beginning of any other.
fn short(line: &str) -> String {
    let text = match serde_json::from_str::<Value>(line) {
        Ok(entry) => match (entry["msg"].as_str(), entry["error"].as_str()) {
            (Some(what), Some(why)) => format!("{what}: {why}"),
            (Some(what), None) => what.to_owned(),
            _ => line.to_owned(),
        },
        Err(_) => line.to_owned(),
    };
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).take(WIDTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        last_words(file.path())
    }

    #[test]
    fn trouble_is_quoted_before_what_was_only_said() {
        let log = "{\"level\":\"info\",\"msg\":\"starting\"}\n\
                   {\"level\":\"fatal\",\"msg\":\"discovery failed\",\"error\":\"no such thing\"}\n\
                   {\"level\":\"info\",\"msg\":\"closing\"}\n";
        assert_eq!(words(log), "it said last: discovery failed: no such thing");
    }

    #[test]
    fn a_log_without_trouble_gives_its_last_lines_and_an_empty_one_says_so() {
        assert_eq!(words("a\nb\n\nc\nd\n"), "it said last: b | c | d");
        assert_eq!(words("\n"), "it said nothing");
    }

    #[test]
    fn the_quote_is_bounded_whatever_was_said() {
        let long = format!("panic: {}\n", "\u{20ac}".repeat(100_000));
        assert!(words(&long.repeat(4)).chars().count() < 4 * WIDTH);
    }
}
