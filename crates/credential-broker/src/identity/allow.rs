// SPDX-License-Identifier: Apache-2.0
//! What a namespace may ask for: pure.
//!
//! A label holds one value; an annotation of the same key with an `s` behind it may list more, with commas. It
//! adds to a label that is there and grants nothing alone: labels are what clusters' policies guard.

use std::collections::BTreeMap;

use super::Reason;
use super::rules::Rules;
use crate::request::Key;

/// The part of a namespace's metadata that grants.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    groups: Vec<String>,
    types: Vec<String>,
}

impl Marks {
    /// Picks them out.
    pub(crate) fn of(
        rules: &Rules,
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
    ) -> Self {
        let marks = |key: &str| {
            let Some(one) = labels.get(key).filter(|text| !text.is_empty()) else { return vec![] };
            let list = annotations.get(&format!("{key}s")).map(String::as_str).unwrap_or_default();
            let all = list.split(',').map(str::trim).chain([one.as_str()]);
            all.filter(|text| !text.is_empty()).map(str::to_owned).collect()
        };
        Self { groups: marks(&rules.group_label), types: marks(&rules.type_label) }
    }

    /// Why not, if not. A namespace without marks may ask for nothing.
    pub(crate) fn complaint(&self, key: &Key) -> Option<Reason> {
        if self.groups.is_empty() || self.types.is_empty() {
            return Some(Reason::Namespace);
        }
        if !self.groups.contains(&key.group) {
            return Some(Reason::Group);
        }
        (!self.types.contains(&key.type_)).then_some(Reason::Type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules {
            audience: "a".to_owned(),
            group_label: "x/group".to_owned(),
            type_label: "x/type".to_owned(),
        }
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn key(group: &str, type_: &str) -> Key {
        Key { group: group.to_owned(), type_: type_.to_owned(), run_id: None }
    }

    #[test]
    fn a_namespace_asks_for_what_its_labels_say() {
        let labels = map(&[("x/group", "g"), ("x/type", "t")]);
        let marks = Marks::of(&rules(), &labels, &map(&[]));
        assert_eq!(marks.complaint(&key("g", "t")), None);
        assert_eq!(marks.complaint(&key("G", "t")), Some(Reason::Group));
        assert_eq!(marks.complaint(&key("g", "t2")), Some(Reason::Type));
    }

    #[test]
    fn an_annotation_without_the_label_grants_nothing() {
        let annotations = map(&[("x/types", "t"), ("x/groups", "g")]);
        for labels in [map(&[]), map(&[("x/group", "g")]), map(&[("x/group", ""), ("x/type", "t")])]
        {
            let marks = Marks::of(&rules(), &labels, &annotations);
            assert_eq!(marks.complaint(&key("g", "t")), Some(Reason::Namespace), "{labels:?}");
        }
    }

    #[test]
    fn annotations_may_list_more() {
        let labels = map(&[("x/group", "g"), ("x/type", "t0")]);
        let annotations = map(&[("x/types", "t, t2,,"), ("x/groups", "h")]);
        let marks = Marks::of(&rules(), &labels, &annotations);
        for (group, type_) in [("g", "t"), ("g", "t2"), ("h", "t")] {
            assert_eq!(marks.complaint(&key(group, type_)), None, "{group} {type_}");
        }
        assert_eq!(marks.complaint(&key("g", "")), Some(Reason::Type));
        assert_eq!(marks.complaint(&key("g", "t, t2")), Some(Reason::Type));
    }

    #[test]
    fn a_namespace_without_marks_asks_for_nothing() {
        for labels in [map(&[]), map(&[("x/group", "g")]), map(&[("x/type", "t")])] {
            let marks = Marks::of(&rules(), &labels, &map(&[]));
            assert_eq!(marks.complaint(&key("g", "t")), Some(Reason::Namespace), "{labels:?}");
        }
    }
}
