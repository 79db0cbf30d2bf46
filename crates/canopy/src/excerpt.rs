// SPDX-License-Identifier: Apache-2.0
//! Bounded one-line excerpts of what others wrote, fit for a log line.

/// The most characters taken over from another program's text.
const LONGEST: usize = 200;

/// The text on one line, without control characters, cut at 200 characters.
pub(crate) fn one_line(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = clean.take(LONGEST).collect();
    line.truncate(line.trim_end().len());
    if text.chars().nth(LONGEST).is_some() {
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
