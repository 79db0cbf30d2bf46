// SPDX-License-Identifier: Apache-2.0
//! Bounded one-line excerpts of what others wrote, fit for a log line and an answer.

/// The most characters taken over from another program's text.
const LONGEST: usize = 200;

/// The text on one line, without control characters, cut at 200 characters.
pub fn one_line(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = clean.take(LONGEST).collect();
    line.truncate(line.trim_end().len());
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// The last line that says something.
pub fn last_line(text: &str) -> Option<String> {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(one_line)
}

/// An error and its causes on one line.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    one_line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_bounded_line() {
        assert_eq!(one_line("a\nb\u{1b}[31m"), "a b [31m");
        assert_eq!(one_line(&"é".repeat(500)).chars().count(), LONGEST + 1);
        assert_eq!(last_line("one\n two \n\n").as_deref(), Some("two"));
        assert_eq!(last_line(" \n"), None);
    }
}
