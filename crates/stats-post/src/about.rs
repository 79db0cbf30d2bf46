// SPDX-License-Identifier: Apache-2.0
//! Which run a report is about, and the key by which a server knows the report again.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use crate::form::Form;

/// The run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) run_id: String,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub(crate) type_: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) job: Option<String>,
}

/// A word that goes into reports, headers and the last word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) String);

impl FromStr for Word {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.len() {
            0 => Err("it is empty"),
            // The last word has room for 1,024 bytes, and has more to say.
            129.. => Err("it is longer than 128 bytes"),
            _ if text.chars().any(char::is_control) => Err("it holds a control character"),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

/// The value of `Idempotency-Key`: the same for all tries of one report, in every life of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    /// Forms differ in their bodies, so each has its own; so has an attempt, if it is named, because a
    /// second pod of one Job moved other bytes than the first.
    pub(crate) fn of(run_id: &str, form: Form, attempt: Option<&str>) -> Self {
        let text = ["stats-post", run_id, form.name(), attempt.unwrap_or_default()].join("\0");
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        Self(hex::encode(&hash.as_ref()[..16]))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_runs_the_forms_and_the_attempts() {
        let key = |run, form, attempt| Key::of(run, form, attempt).0;
        let one = key("r", Form::Json, None);
        assert_eq!(one, key("r", Form::Json, None));
        assert_eq!(one.len(), 32);
        for other in [
            key("s", Form::Json, None),
            key("r", Form::CanopyStats, None),
            key("r", Form::Json, Some("pod")),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_word_is_short_and_on_one_line() {
        assert!("9e9e".parse::<Word>().is_ok());
        for wrong in ["", "a\nb", &"x".repeat(129)] {
            assert!(wrong.parse::<Word>().is_err(), "{wrong}");
        }
    }
}
