// SPDX-License-Identifier: Apache-2.0
//! Holds a body against its fields.

use serde_json::{Map, Value};

use super::{Field, Form, Need, fields};
use crate::route::Endpoint;

/// Must ids be UUIDs?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    Any,
    Uuids,
}

/// What is to be said of a body.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What the real one would refuse.
    pub(crate) defects: Vec<String>,
    /// What it would skip.
    pub(crate) unknown: Vec<String>,
}

/// Holds a body against the fields of its endpoint.
pub(crate) fn check(endpoint: Endpoint, body: &Value, ids: Ids) -> Found {
    let mut look = Look { ids, found: Found::default() };
    look.object("", body, fields(endpoint));
    look.found
}

struct Look {
    ids: Ids,
    found: Found,
}

impl Look {
    fn defect(&mut self, at: &str, what: &str) {
        let at = if at.is_empty() { "the body" } else { at };
        self.found.defects.push(format!("{at} {what}"));
    }

    fn object(&mut self, at: &str, value: &Value, fields: &[Field]) {
        let Value::Object(members) = value else {
            return self.defect(at, "is not an object");
        };
        for field in fields {
            let at = below(at, field.name);
            match members.get(field.name) {
                None | Some(Value::Null) if field.need == Need::Optional => {}
                None => self.defect(&at, "is missing"),
                Some(value) => self.value(&at, value, field.form),
            }
        }
        self.unknown(at, members, fields);
    }

    fn unknown(&mut self, at: &str, members: &Map<String, Value>, fields: &[Field]) {
        let is_known = |name: &str| fields.iter().any(|field| field.name == name);
        let unknown = members.keys().filter(|name| !is_known(name)).map(|name| below(at, name));
        self.found.unknown.extend(unknown);
    }

    fn value(&mut self, at: &str, value: &Value, form: Form) {
        let good = match form {
            Form::Any => true,
            Form::Text => value.is_string(),
            Form::Id => value.as_str().is_some_and(|text| self.is_id(text)),
            Form::Boolean => value.is_boolean(),
            Form::Count => value.as_i64().is_some_and(|count| count >= 0),
            Form::Seconds => value.as_f64().is_some_and(|seconds| seconds >= 0.0),
            Form::Time => value.as_str().is_some_and(is_time),
            Form::OneOf(known) => value.as_str().is_some_and(|text| known.contains(&text)),
            Form::Bag => value.is_object(),
            Form::Texts => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
            Form::Object(_) | Form::Map(_) | Form::Objects(_) | Form::ObjectsOrTexts(_) => {
                return self.nested(at, value, form);
            }
        };
        if !good {
            self.defect(at, &format!("is not {}", wanted(form)));
        }
    }

    fn nested(&mut self, at: &str, value: &Value, form: Form) {
        match (form, value) {
            (Form::Object(fields), value) => self.object(at, value, fields),
            (Form::Map(fields), Value::Object(members)) => {
                members.iter().for_each(|(name, value)| {
                    self.object(&below(at, name), value, fields);
                });
            }
            (Form::Objects(fields), Value::Array(list)) => {
                self.list(at, list.iter().enumerate(), fields);
            }
            (Form::ObjectsOrTexts(fields), Value::Array(list)) => {
                let objects = list.iter().enumerate().filter(|(_, one)| !one.is_string());
                self.list(at, objects, fields);
            }
            _ => self.defect(at, &format!("is not {}", wanted(form))),
        }
    }

    fn list<'a>(
        &mut self,
        at: &str,
        list: impl Iterator<Item = (usize, &'a Value)>,
        fields: &[Field],
    ) {
        for (index, value) in list {
            self.object(&format!("{at}[{index}]"), value, fields);
        }
    }

    fn is_id(&self, text: &str) -> bool {
        match self.ids {
            Ids::Any => !text.is_empty(),
            Ids::Uuids => is_uuid(text),
        }
    }
}

fn below(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

fn is_time(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok()
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn wanted(form: Form) -> String {
    let text = match form {
        Form::Text => "a text",
        Form::Id => "a UUID",
        Form::Boolean => "true or false",
        Form::Count => "a whole number from 0",
        Form::Seconds => "a number of seconds",
        Form::Time => "a time as 2026-07-01T02:00:00Z",
        Form::OneOf(known) => return format!("one of {}", known.join(", ")),
        Form::Any => "a value",
        Form::Bag | Form::Object(_) | Form::Map(_) => "an object",
        Form::Texts => "a list of texts",
        Form::Objects(_) | Form::ObjectsOrTexts(_) => "a list of objects",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn defects(endpoint: Endpoint, body: &Value) -> Vec<String> {
        check(endpoint, body, Ids::Any).defects
    }

    #[test]
    fn every_defect_is_named_at_once() {
        let body = json!({
            "run_id": 7, "type": "t", "purpose": "both", "bytes_uploaded": -1,
            "snapshot_taken_at": "yesterday", "snapshot_id": null,
        });
        let found = defects(Endpoint::BackupReport, &body);
        assert_eq!(
            found,
            [
                "run_id is not a UUID",
                "purpose is not one of backup, restore",
                "outcome is missing",
                "bytes_uploaded is not a whole number from 0",
                "snapshot_taken_at is not a time as 2026-07-01T02:00:00Z",
            ]
        );
        assert_eq!(defects(Endpoint::BackupReport, &json!([])), ["the body is not an object"]);
    }

    #[test]
    fn both_forms_of_capabilities_are_good() {
        for body in [
            json!({"intents": ["verify", "analytics"]}),
            json!({"intents": [{"intent": "verify", "semantics": ["check"],
                "params": {"ttl": {"type": "duration", "default": 7200}}}]}),
        ] {
            assert!(defects(Endpoint::RestoreCapabilities, &body).is_empty(), "{body}");
        }
        let body = json!({"intents": [{"params": {"ttl": {"type": "span"}}}]});
        assert_eq!(
            defects(Endpoint::RestoreCapabilities, &body),
            [
                "intents[0].intent is missing",
                "intents[0].params.ttl.type is not one of duration, bytes, boolean, integer, text",
            ]
        );
    }

    #[test]
    fn unknown_fields_are_noted_and_skipped() {
        let body = json!({"types": [], "typs": 1});
        let found = check(Endpoint::BackupCapabilities, &body, Ids::Any);
        assert!(found.defects.is_empty());
        assert_eq!(found.unknown, ["typs"]);
    }

    #[test]
    fn strict_ids_are_uuids() {
        let body = |group| json!({"group": group, "type": "t"});
        let strict = |group| check(Endpoint::RestoreCredentials, &body(group), Ids::Uuids).defects;
        assert!(strict("5a1e0000-0000-4000-8000-00000000000a").is_empty());
        assert_eq!(strict("site-a"), ["group is not a UUID"]);
        assert!(defects(Endpoint::RestoreCredentials, &body("site-a")).is_empty());
    }
}
