// SPDX-License-Identifier: Apache-2.0
//! Names of variables, and `NAME=@FILE`.

use std::path::PathBuf;

use crate::environment::Source;

/// Whether Kubernetes would take it as the name of a variable: letters, digits, `_`, `.` and `-`, no
/// digit first.
pub(crate) fn is_name(text: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    text.first().is_some_and(|first| !first.is_ascii_digit()) && text.iter().all(is_allowed)
}

/// Reads `NAME=@FILE`.
///
/// # Errors
/// What is wrong with it, for a sentence that begins with the flag. It never shows what stands where
/// the file should: that may well be the secret itself.
pub(crate) fn from_file(text: &str) -> Result<Source, String> {
    const FORM: &str = "write it as NAME=@FILE";
    let Some((name, value)) = text.split_once('=') else {
        return Err(format!("has a value without `=`: {FORM}"));
    };
    if !is_name(name.as_bytes()) {
        return Err(format!("has a value whose name is not a variable's: {FORM}"));
    }
    match value.strip_prefix('@') {
        Some("") => Err(format!("{name}: the file's path is empty: {FORM}")),
        Some(file) => Ok(Source::Text { name: name.to_owned(), file: PathBuf::from(file) }),
        None => Err(format!(
            "{name}: no `@` before the file: values come from files, not from flags: {FORM}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_kubernetes_takes() {
        for good in ["A", "_a9", "spring.datasource-url", "PGPASSWORD"] {
            assert!(is_name(good.as_bytes()), "{good}");
        }
        for bad in ["", "9A", "A B", "A=", "\u{e4}", "A\0"] {
            assert!(!is_name(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn a_secret_in_the_flag_is_refused_and_not_repeated() {
        for text in ["PASSWORD=hunter2", "hunter2", "=hunter2", "pass word=@hunter2"] {
            let problem = from_file(text).unwrap_err();
            assert!(!problem.contains("hunter2"), "{problem}");
            assert!(problem.contains("NAME=@FILE"), "{problem}");
        }
    }

    #[test]
    fn the_path_is_all_behind_the_first_at_sign() {
        let source = from_file("A=@/run/x=@y").unwrap();
        assert_eq!(source, Source::Text { name: "A".to_owned(), file: "/run/x=@y".into() });
    }
}
