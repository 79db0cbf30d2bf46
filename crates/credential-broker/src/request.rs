// SPDX-License-Identifier: Apache-2.0
//! What a caller asks for: `{group, type, run_id?, repo_password?}`.
//!
//! Names are narrow on purpose: they end up in label comparisons, in S3 prefixes and in session policies,
//! where a `*` or a `/` would widen what is granted. Complaints never quote the body.

use serde::Deserialize;

/// The longest group, type and run id.
const LONGEST: usize = 128;

/// What one set is issued for, and what it is cached by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) group: String,
    pub(crate) type_: String,
    pub(crate) run_id: Option<String>,
}

impl Key {
    /// Whether both are of one group and type, and so of one owner.
    pub(crate) fn is_kin(&self, other: &Self) -> bool {
        (&self.group, &self.type_) == (&other.group, &other.type_)
    }
}

/// Whether the caller wants the repository's password too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Password {
    Wanted,
    NotWanted,
}

/// One request, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) key: Key,
    pub(crate) password: Password,
}

#[derive(Deserialize)]
struct Wire {
    group: Option<String>,
    #[serde(rename = "type")]
    type_: Option<String>,
    run_id: Option<String>,
    repo_password: Option<bool>,
}

impl Ask {
    /// Reads a body. Unknown fields are tolerated; an empty run id is none.
    ///
    /// # Errors
    /// What is wrong, in words for the caller.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, String> {
        let wire: Wire = serde_json::from_slice(body).map_err(|error| complaint(&error))?;
        let run_id = wire.run_id.filter(|id| !id.is_empty());
        let key = Key {
            group: name("group", wire.group)?,
            type_: name("type", wire.type_)?,
            run_id: run_id.map(printable).transpose()?,
        };
        let password = match wire.repo_password {
            Some(true) => Password::Wanted,
            Some(false) | None => Password::NotWanted,
        };
        Ok(Self { key, password })
    }
}

fn complaint(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Data => format!(
            "a field has the wrong form at line {line} column {column}: group, type and run_id are \
             texts, repo_password is true or false"
        ),
        serde_json::error::Category::Eof => "the body is empty or ends in the middle".to_owned(),
        _ => format!("the body is not JSON from line {line} column {column}"),
    }
}

fn name(field: &str, value: Option<String>) -> Result<String, String> {
    let value = value.ok_or_else(|| format!("{field} is missing"))?;
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match value.as_bytes() {
        [] => Err(format!("{field} is empty")),
        bytes if bytes.len() > LONGEST => {
            Err(format!("{field} is longer than {LONGEST} characters"))
        }
        [first, ..] if !first.is_ascii_alphanumeric() => {
            Err(format!("{field} does not begin with a letter or a digit"))
        }
        bytes if !bytes.iter().copied().all(is_known) => {
            Err(format!("{field} holds something else than letters, digits, '.', '_' and '-'"))
        }
        _ => Ok(value),
    }
}

fn printable(run_id: String) -> Result<String, String> {
    if run_id.len() > LONGEST {
        return Err(format!("run_id is longer than {LONGEST} characters"));
    }
    match run_id.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        true => Ok(run_id),
        false => Err("run_id holds something else than printable ASCII".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Ask, String> {
        Ask::parse(text.as_bytes())
    }

    #[test]
    fn the_wire_form_is_read_whole() {
        let ask = parse(r#"{"group":"5a1e","type":"tamanu-postgres","run_id":"9e9e","x":1}"#);
        let ask = ask.unwrap();
        assert_eq!((ask.key.group.as_str(), ask.key.type_.as_str()), ("5a1e", "tamanu-postgres"));
        assert_eq!((ask.key.run_id.as_deref(), ask.password), (Some("9e9e"), Password::NotWanted));
        let ask = parse(r#"{"group":"g","type":"t","run_id":"","repo_password":true}"#).unwrap();
        assert_eq!((ask.key.run_id, ask.password), (None, Password::Wanted));
    }

    #[test]
    fn a_complaint_says_what_is_wrong_and_quotes_nothing() {
        let long = "a".repeat(LONGEST + 1);
        let cases = [
            ("", "empty or ends"),
            ("hush", "not JSON from line 1"),
            (r#"{"group":"g"}"#, "type is missing"),
            (r#"{"type":"t"}"#, "group is missing"),
            (r#"{"group":"","type":"t"}"#, "group is empty"),
            (r#"{"group":"hu/sh","type":"t"}"#, "group holds something else"),
            (r#"{"group":"g","type":"hush*"}"#, "type holds something else"),
            (r#"{"group":"g","type":"../hush"}"#, "does not begin"),
            (r#"{"group":["hush"],"type":"t"}"#, "wrong form"),
            (r#"{"group":"g","type":"t","repo_password":"hush"}"#, "wrong form"),
            (r#"{"group":"g","type":"t","run_id":"hu\nsh"}"#, "printable"),
        ];
        for (text, expected) in cases {
            let complaint = parse(text).unwrap_err();
            assert!(complaint.contains(expected), "{text}: {complaint}");
            assert!(!complaint.contains("hush"), "{text}: {complaint}");
        }
        for field in ["group", "type", "run_id"] {
            let mut body = serde_json::json!({"group": "g", "type": "t"});
            body[field] = long.clone().into();
            let complaint = parse(&body.to_string()).unwrap_err();
            assert!(complaint.starts_with(field) && complaint.contains("longer"), "{complaint}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Ask::parse(&bytes);
        }

        #[test]
        fn what_is_accepted_is_narrow(group in ".{0,20}", type_ in ".{0,20}", run in ".{0,20}") {
            let body = serde_json::json!({"group": group, "type": type_, "run_id": run});
            if let Ok(ask) = Ask::parse(body.to_string().as_bytes()) {
                for text in [&ask.key.group, &ask.key.type_] {
                    prop_assert!(!text.is_empty() && !text.contains(['*', '/', '?', '$', ' ']));
                }
            }
        }
    }
}
