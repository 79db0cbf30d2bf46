// SPDX-License-Identifier: Apache-2.0
//! What a consumer can do, said at its start: `/restore-capabilities`, `/backup-capabilities`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `POST /restore-capabilities`: the whole set of intents, in place of the one sent before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreCapabilities {
    /// What restores can be wanted for here.
    pub intents: Vec<Intent>,
}

/// One thing that a restore can be wanted for.
///
/// Read from an object or, as earlier versions of the contract had it, from the bare name; always
/// written as an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Form")]
pub struct Intent {
    /// Its name, freely chosen, such as `verify`.
    pub intent: String,
    /// What it is, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Known are `check`, `once` and `url`; others are kept and have no effect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub semantics: Vec<String>,
    /// What may be set for it, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Param>,
}

impl Intent {
    /// An intent of this name and nothing else.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { intent: name.to_owned(), ..Self::default() }
    }
}

/// A parameter of an intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Param {
    /// What its values are.
    #[serde(rename = "type")]
    pub type_: ParamType,
    /// Its value where none is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

/// What a parameter's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamType {
    /// Whole seconds.
    Duration,
    /// A number of bytes.
    Bytes,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A text.
    Text,
}

/// `POST /backup-capabilities`: the backup types that this device can take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupCapabilities {
    /// Such as `tamanu-postgres`.
    pub types: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Name(String),
    Full {
        intent: String,
        description: Option<String>,
        #[serde(default)]
        semantics: Vec<String>,
        #[serde(default)]
        params: BTreeMap<String, Param>,
    },
}

impl From<Form> for Intent {
    fn from(form: Form) -> Self {
        match form {
            Form::Name(intent) => Self { intent, ..Self::default() },
            Form::Full { intent, description, semantics, params } => {
                Self { intent, description, semantics, params }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_read_and_an_object_is_written() {
        let early: RestoreCapabilities = serde_json::from_str(r#"{"intents":["verify"]}"#).unwrap();
        assert_eq!(early.intents, [Intent::named("verify")]);
        assert_eq!(serde_json::to_string(&early).unwrap(), r#"{"intents":[{"intent":"verify"}]}"#);
    }
}
