// SPDX-License-Identifier: Apache-2.0
//! Bounded one-line excerpts of what others wrote, fit for a log line and an answer.

/// The most characters taken over from another program's text.
const LONGEST: usize = 200;

/// The text on one line, without control characters, cut at 200 characters.
pub(crate) fn one_line(text: &str) -> String {
    let clean = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = clean.take(LONGEST).collect();
    if text.trim().chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// An error and its causes on one line.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
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
        assert_eq!(one_line(" a\nb\u{1b}[31m "), "a b [31m");
        assert_eq!(one_line(&"é".repeat(500)).chars().count(), LONGEST + 1);
    }
}
