// SPDX-License-Identifier: Apache-2.0
//! `KEY=VALUE` lines, as a shell, a container engine or a hand writes them.
//!
//! Readers of such files differ in what they make of the odd ones. Where they do, a guess could put
//! half a secret into a tool, so such a line is refused instead: it is not expanded, joined with the
//! next, or cut at a `#`. Complaints name the line's number, never its text.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;

use crate::variable::is_name;

/// A line that is no `KEY=VALUE`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadLine {
    number: usize,
    why: &'static str,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.number, self.why)
    }
}

/// All variables in their order.
///
/// # Errors
/// All bad lines.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<(String, OsString)>, Vec<BadLine>> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let (mut variables, mut bad) = (Vec::new(), Vec::new());
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        match variable(line.trim_ascii()) {
            Ok(variable) => variables.extend(variable),
            Err(why) => bad.push(BadLine { number: index + 1, why }),
        }
    }
    if bad.is_empty() { Ok(variables) } else { Err(bad) }
}

/// The variable of a line, if it has one.
fn variable(line: &[u8]) -> Result<Option<(String, OsString)>, &'static str> {
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(None);
    }
    if line.contains(&0) {
        return Err("a NUL byte, which no variable can hold");
    }
    let line = match line.strip_prefix(b"export") {
        Some(rest) if rest.first().is_some_and(u8::is_ascii_whitespace) => rest.trim_ascii_start(),
        _ => line,
    };
    let Some(equals) = line.iter().position(|byte| *byte == b'=') else {
        return Err("no `=`, not KEY=VALUE");
    };
    let (name, rest) = (&line[..equals], &line[equals + 1..]);
    let name = str::from_utf8(name).ok().filter(|name| is_name(name.as_bytes()));
    let name = name.ok_or("what stands before `=` is no variable's name")?;
    Ok(Some((name.to_owned(), OsString::from_vec(value(rest)?))))
}

fn value(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    let trimmed = text.trim_ascii();
    match trimmed.first() {
        Some(b'\'') => single_quoted(&trimmed[1..]),
        Some(b'"') => double_quoted(&trimmed[1..]),
        _ if text.windows(2).any(|pair| pair[0].is_ascii_whitespace() && pair[1] == b'#') => {
            Err("` #` may begin a comment or belong to the value: quote the value")
        }
        _ => Ok(trimmed.to_vec()),
    }
}

/// Every byte stands for itself.
fn single_quoted(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    let end = text.iter().position(|byte| *byte == b'\'').ok_or(NO_END)?;
    nothing_behind(&text[end + 1..])?;
    Ok(text[..end].to_vec())
}

/// As in a shell a backslash takes the meaning from `"`, `\`, `$` and a backquote, and stands for itself
/// before all else.
fn double_quoted(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut value = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().enumerate();
    while let Some((index, byte)) = bytes.next() {
        match (byte, text.get(index + 1)) {
            (b'"', _) => {
                nothing_behind(&text[index + 1..])?;
                return Ok(value);
            }
            (b'\\', Some(&escaped @ (b'"' | b'\\' | b'$' | b'`'))) => {
                value.push(escaped);
                bytes.next();
            }
            _ => value.push(byte),
        }
    }
    Err(NO_END)
}

const NO_END: &str = "a quote without its end; a value of several lines needs --env NAME=@FILE";

/// Behind the closing quote there may be a comment.
fn nothing_behind(text: &[u8]) -> Result<(), &'static str> {
    let rest = text.trim_ascii_start();
    let is_comment = rest.len() < text.len() && rest.starts_with(b"#");
    if rest.is_empty() || is_comment { Ok(()) } else { Err("text behind the closing quote") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(line: &str) -> Result<String, String> {
        match parse(line.as_bytes()) {
            Ok(variables) => Ok(variables[0].1.clone().into_string().unwrap()),
            Err(bad) => Err(bad[0].to_string()),
        }
    }

    #[test]
    fn values_are_read_as_they_are_meant() {
        for (line, value) in [
            ("A=", ""),
            ("A=b", "b"),
            ("  A=  b  ", "b"),
            ("export A=b", "b"),
            ("export\tA=b", "b"),
            ("A=b c\r", "b c"),
            ("A=b=c==", "b=c=="),
            ("A=b#c", "b#c"),
            ("A=#c", "#c"),
            ("A=wJalr/K7+\\$x'y\"z", "wJalr/K7+\\$x'y\"z"),
            ("A='b # \"c\" $d \\'", "b # \"c\" $d \\"),
            ("A='b' # comment", "b"),
            (r#"A="b \"c\" \\ \$d \`e\` \n # f""#, "b \"c\" \\ $d `e` \\n # f"),
            ("A=\" b \"  ", " b "),
            ("\u{feff}A=b", "b"),
            ("A=\u{20ac}", "\u{20ac}"),
        ] {
            assert_eq!(value_of(line).as_deref(), Ok(value), "{line:?}");
        }
    }

    #[test]
    fn a_line_that_could_be_read_in_two_ways_is_refused() {
        for (line, part) in [
            ("A", "no `=`"),
            ("export A", "no `=`"),
            ("A =b", "variable's name"),
            ("=b", "variable's name"),
            ("9A=b", "variable's name"),
            ("exports A=b", "variable's name"),
            ("A=b # c", "quote the value"),
            ("A= # c", "quote the value"),
            ("A='b", "without its end"),
            ("A=\"b\\\"", "without its end"),
            ("A='b'c", "behind the closing quote"),
            ("A='b'#c", "behind the closing quote"),
            ("A=b\0", "NUL"),
        ] {
            let problem = value_of(line).unwrap_err();
            assert!(
                problem.starts_with("line 1: ") && problem.contains(part),
                "{line:?}: {problem}"
            );
        }
    }

    #[test]
    fn every_bad_line_is_named_by_its_number_and_none_by_its_text() {
        let bad = parse(b"A=1\n\n# x\nhunter2\nB='hunter3\n").unwrap_err();
        let text = bad.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        assert!(text.starts_with("line 4: ") && text.contains("; line 5: "), "{text}");
        assert!(!text.contains("hunter"), "{text}");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept() {
        let variables = parse(b"A=\xff\xfe").unwrap();
        assert_eq!(variables, [("A".to_owned(), OsString::from_vec(vec![0xff, 0xfe]))]);
    }
}
