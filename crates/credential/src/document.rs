// SPDX-License-Identifier: Apache-2.0
//! The `credential_process` document, which files, programs and the broker all speak:
//! <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sourcing-external.html>.
//!
//! Complaints name the field and never its content: a field in the wrong place may be the secret.

use std::time::SystemTime;

use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use crate::{Credential, Secret};

/// Must the document say which version it has? AWS's tools insist; brokers often leave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Required,
    Optional,
}

/// A JSON value whose texts are wiped from memory when it is dropped.
#[derive(Debug)]
pub(crate) struct Document(Value);

impl Document {
    /// Parses any JSON.
    ///
    /// # Errors
    /// Says where the text stops being JSON, without quoting it.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        if text.trim_ascii().is_empty() {
            return Err("it is empty: half-written, or never filled".to_owned());
        }
        serde_json::from_slice(text).map(Self).map_err(|error| {
            if error.is_eof() {
                "it ends in the middle of the JSON: half-written".to_owned()
            } else {
                format!("it is not JSON from line {} column {}", error.line(), error.column())
            }
        })
    }

    /// The object's member of this name, taken out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Self> {
        self.0.get_mut(name).map(Value::take).map(Self)
    }

    /// The object's member of this name, taken out as a secret. Absent, null and empty are one.
    ///
    /// # Errors
    /// It is something else than a text.
    pub(crate) fn take_secret(&mut self, name: &str) -> Result<Option<Secret>, String> {
        secret(self.0.get_mut(name), name)
    }

    /// The object's member of this name, if it is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// The set that the document describes.
    ///
    /// # Errors
    /// Names the field that is missing or of the wrong form.
    pub(crate) fn into_credential(mut self, version: Version) -> Result<Credential, String> {
        let Value::Object(fields) = &mut self.0 else {
            return Err("it is not a JSON object".to_owned());
        };
        check_version(fields, version)?;
        if fields.contains_key("Token") && !fields.contains_key("SessionToken") {
            return Err("it has Token instead of SessionToken: that is a container-credentials \
                        document, not the output of a credential process"
                .to_owned());
        }
        let access_key_id = required(fields, "AccessKeyId")?.expose().to_owned();
        let secret_access_key = required(fields, "SecretAccessKey")?;
        let session_token = optional(fields, "SessionToken")?;
        let expires = expiration(fields)?;
        Ok(Credential { access_key_id, secret_access_key, session_token, expires })
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn check_version(fields: &Map<String, Value>, version: Version) -> Result<(), String> {
    match fields.get("Version") {
        Some(Value::Number(number)) if number.as_u64() == Some(1) => Ok(()),
        Some(Value::Number(_)) => Err("Version is not 1, the only one known".to_owned()),
        Some(_) => Err("Version is not a number".to_owned()),
        None if version == Version::Optional => Ok(()),
        None => Err("Version is missing; it must be 1".to_owned()),
    }
}

fn required(fields: &mut Map<String, Value>, name: &str) -> Result<Secret, String> {
    optional(fields, name)?.ok_or_else(|| match fields.contains_key(name) {
        true => format!("{name} is empty"),
        false => format!("{name} is missing"),
    })
}

fn optional(fields: &mut Map<String, Value>, name: &str) -> Result<Option<Secret>, String> {
    let secret = secret(fields.get_mut(name), name)?;
    if secret.as_ref().is_some_and(|it| !it.expose().bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(format!("{name} holds a blank or a character that no header can carry"));
    }
    Ok(secret)
}

/// Absent, null and empty are one: some issuers write an empty token for none.
fn secret(value: Option<&mut Value>, name: &str) -> Result<Option<Secret>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => {
            let secret = Secret::new(text.as_str());
            text.zeroize();
            Ok(Some(secret))
        }
        Some(_) => Err(format!("{name} is not a text")),
    }
}

fn expiration(fields: &Map<String, Value>) -> Result<Option<SystemTime>, String> {
    match fields.get("Expiration") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => match text.parse::<jiff::Timestamp>() {
            Ok(at) => Ok(Some(at.into())),
            Err(_) => Err("Expiration is not an RFC 3339 time with its offset".to_owned()),
        },
        Some(_) => Err("Expiration is not a text".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Credential, String> {
        Document::parse(text.as_bytes())?.into_credential(Version::Required)
    }

    #[test]
    fn a_full_document_is_read_whole() {
        let set = parse(
            r#"{"Version":1,"AccessKeyId":"ASIAX","SecretAccessKey":"s/+=","SessionToken":"t",
                "Expiration":"1970-01-01T02:00:01.5+02:00","AccountId":"ignored"}"#,
        )
        .unwrap();
        assert_eq!(set.access_key_id, "ASIAX");
        assert_eq!(set.secret_access_key.expose(), "s/+=");
        assert_eq!(set.session_token.unwrap().expose(), "t");
        assert_eq!(set.expires, Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1500)));
    }

    #[test]
    fn a_set_without_token_and_expiry_is_one_that_does_not_expire() {
        let set = parse(
            r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"","Expiration":null}"#,
        )
        .unwrap();
        assert_eq!((set.session_token, set.expires), (None, None));
    }

    #[test]
    fn a_complaint_names_the_field_and_never_its_content() {
        let cases = [
            ("", "empty"),
            (" \n", "empty"),
            (r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"hush"#, "half-written"),
            (r#"{"Version":1,hush"#, "not JSON from line 1 column"),
            (r#"["hush"]"#, "not a JSON object"),
            (r#""hush""#, "not a JSON object"),
            (r#"{"AccessKeyId":"hush","SecretAccessKey":"hush"}"#, "Version is missing"),
            (r#"{"Version":"hush","AccessKeyId":"A"}"#, "Version is not a number"),
            (r#"{"Version":2,"AccessKeyId":"A"}"#, "Version is not 1"),
            (r#"{"Version":1,"SecretAccessKey":"hush"}"#, "AccessKeyId is missing"),
            (r#"{"Version":1,"AccessKeyId":"A"}"#, "SecretAccessKey is missing"),
            (r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":""}"#, "SecretAccessKey is empty"),
            (
                r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":["hush"]}"#,
                "SecretAccessKey is not a text",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"hush\r\nx: y"}"#,
                "SecretAccessKey holds",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Token":"hush"}"#,
                "Token instead of SessionToken",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"hush"}"#,
                "Expiration is not an RFC 3339",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"2026-07-01T03:00:00"}"#,
                "Expiration is not an RFC 3339",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Expiration":17}"#,
                "Expiration is not a text",
            ),
        ];
        for (text, expected) in cases {
            let complaint = parse(text).unwrap_err();
            assert!(complaint.contains(expected), "{text}: {complaint}");
            assert!(!complaint.contains("hush"), "{text}: {complaint}");
        }
    }

    #[test]
    fn a_broker_may_leave_the_version_out() {
        let text = br#"{"AccessKeyId":"A","SecretAccessKey":"s"}"#;
        let document = Document::parse(text).unwrap();
        assert_eq!(document.into_credential(Version::Optional).unwrap().access_key_id, "A");
    }

    /// JSON-like values with the names that matter in them.
    fn values() -> impl Strategy<Value = Value> {
        let names = prop_oneof![
            Just("Version".to_owned()),
            Just("AccessKeyId".to_owned()),
            Just("SecretAccessKey".to_owned()),
            Just("SessionToken".to_owned()),
            Just("Token".to_owned()),
            Just("Expiration".to_owned()),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0_u64..3).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
            Just(Value::from("+999999-01-01T00:00:00Z")),
        ];
        let inner = proptest::collection::vec((names, leaf), 0..7);
        inner.prop_map(|fields| Value::Object(fields.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Document::parse(&bytes).map(|it| it.into_credential(Version::Required));
        }

        #[test]
        fn an_accepted_document_has_a_key_and_a_secret_fit_for_a_header(value in values()) {
            let document = Document::parse(value.to_string().as_bytes()).unwrap();
            if let Ok(set) = document.into_credential(Version::Optional) {
                let fit = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
                prop_assert!(fit(&set.access_key_id) && fit(set.secret_access_key.expose()));
                prop_assert_eq!(value["AccessKeyId"].as_str(), Some(set.access_key_id.as_str()));
            }
        }
    }
}
