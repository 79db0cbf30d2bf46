// SPDX-License-Identifier: Apache-2.0
//! Headers that hold secrets: from files, read again for each post, for mounted Secrets are replaced.

use std::path::{Path, PathBuf};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::small_file;

/// Ours to set, or the connection's.
const OWNED: [&str; 6] = [
    "content-type",
    "content-length",
    "transfer-encoding",
    "host",
    "connection",
    "idempotency-key",
];

/// So many characters of a secret tell that it is there, even if an answer was cut behind them.
const TELLING: usize = 16;

/// The files with what goes beside each post.
#[derive(Debug, Clone, Default)]
pub(crate) struct SecretFiles {
    pub(crate) headers: Option<PathBuf>,
    pub(crate) token: Option<PathBuf>,
}

impl SecretFiles {
    /// Those that are there. The others may come before the first post.
    pub(crate) fn present(&self) -> Self {
        let is_there = |path: &PathBuf| path.try_exists().unwrap_or(true);
        Self {
            headers: self.headers.clone().filter(is_there),
            token: self.token.clone().filter(is_there),
        }
    }

    /// The headers as the files hold them now.
    ///
    /// # Errors
    /// Which file is wrong and in which line; never what it holds.
    pub(crate) fn read(&self) -> Result<HeaderMap, String> {
        let mut headers = match &self.headers {
            Some(path) => parse(&read("--headers-file", path)?)
                .map_err(|why| format!("--headers-file {}: {why}", path.display()))?,
            None => HeaderMap::new(),
        };
        if let Some(path) = &self.token {
            let token = read("--bearer-token-file", path)?;
            let value = bearer(&token)
                .map_err(|why| format!("--bearer-token-file {}: {why}", path.display()))?;
            if headers.insert(AUTHORIZATION, value).is_some() {
                return Err("Authorization is in --headers-file, and --bearer-token-file is given"
                    .to_owned());
            }
        }
        Ok(headers)
    }
}

fn read(flag: &str, path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, String> {
    small_file::secret(path).map_err(|error| format!("{flag} {}: {error}", path.display()))
}

fn bearer(token: &[u8]) -> Result<HeaderValue, &'static str> {
    let token = token.trim_ascii();
    if token.is_empty() {
        return Err("it is empty");
    }
    let text = zeroize::Zeroizing::new([b"Bearer ", token].concat());
    let mut value = HeaderValue::from_bytes(&text)
        .map_err(|_| "it holds a character that no header can carry")?;
    value.set_sensitive(true);
    Ok(value)
}

/// `KEY: VALUE` lines; empty ones and those that begin with `#` are passed over.
fn parse(text: &[u8]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let (name, value) = header(line).map_err(|why| format!("line {}: {why}", index + 1))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn header(line: &[u8]) -> Result<(HeaderName, HeaderValue), &'static str> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or("no `:`, not KEY: VALUE")?;
    let name = HeaderName::from_bytes(line[..colon].trim_ascii_end())
        .map_err(|_| "what stands before `:` is no header's name")?;
    if OWNED.contains(&name.as_str()) {
        return Err("this header is not yours to set");
    }
    let mut value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii())
        .map_err(|_| "the value holds a character that no header can carry")?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// Whether a server's answer repeats what the headers hold, or the beginning of it.
pub(crate) fn is_repeated(headers: &HeaderMap, answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    headers.values().any(|value| {
        let value = String::from_utf8_lossy(value.as_bytes());
        // Before a space stands the scheme, such as `Bearer`.
        let secret = value.split_once(' ').map_or(&*value, |(_, secret)| secret);
        let begin: String = secret.chars().take(TELLING).collect();
        !begin.is_empty() && answer.contains(&begin)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers_are_lines_of_key_and_value() {
        let text = b"# of the webhook\r\nX-Api-Key: a:b \n\nX-Two:2";
        let headers = parse(text).unwrap();
        assert_eq!(headers["x-api-key"], "a:b");
        assert_eq!(headers["x-two"], "2");
        assert!(!format!("{headers:?}").contains("a:b"), "{headers:?}");
    }

    #[test]
    fn a_bad_line_is_named_by_its_number_and_never_shown() {
        for (text, why) in [
            ("a: b\nhunter2", "line 2: no `:`"),
            ("hunter2 x: y", "line 1: what stands before"),
            ("Idempotency-Key: hunter2", "line 1: this header is not yours"),
            ("x: hunter2\u{1}", "line 1: the value holds"),
        ] {
            let told = parse(text.as_bytes()).unwrap_err();
            assert!(told.starts_with(why) && !told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn an_answer_that_repeats_a_secret_is_found_out() {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, bearer(b"hunter2\n").unwrap());
        assert!(!is_repeated(&headers, b"no such token: hunter3"));
        assert!(is_repeated(&headers, br#"{"detail":"no such token: hunter2"}"#));
        headers.insert(AUTHORIZATION, bearer(&[b'x'; 500]).unwrap());
        assert!(is_repeated(&headers, &[b'x'; 100]), "cut short");
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            parse(&bytes).ok();
            bearer(&bytes).ok();
        }
    }
}
