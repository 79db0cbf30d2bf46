// SPDX-License-Identifier: Apache-2.0
//! A page of a listing: pure arithmetic on sorted keys.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use s3s::dto;

use crate::attributes::Object;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) prefix: String,
    pub(crate) delimiter: Option<String>,
    /// Everything up to and including this key or common prefix was listed before.
    pub(crate) after: Option<String>,
    pub(crate) max_keys: usize,
}

/// What is answered.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) objects: Vec<Arc<Object>>,
    pub(crate) prefixes: Vec<String>,
    /// The last name of this page, where more follow.
    pub(crate) next: Option<String>,
}

pub(crate) fn page(keys: &BTreeMap<String, Arc<Object>>, query: &Query) -> Page {
    let mut page = Page::default();
    let mut last: Option<String> = None;
    let after = query.after.as_deref().unwrap_or_default();
    let start = match after >= query.prefix.as_str() && query.after.is_some() {
        true => Bound::Excluded(after.to_owned()),
        false => Bound::Included(query.prefix.clone()),
    };
    for (key, object) in keys.range((start, Bound::Unbounded)) {
        let Some(rest) = key.strip_prefix(&query.prefix) else { break };
        let common = query.delimiter.as_deref().and_then(|delimiter| {
            let end = rest.find(delimiter)? + delimiter.len();
            Some(format!("{}{}", query.prefix, &rest[..end]))
        });
        let known = match &common {
            Some(common) => {
                page.prefixes.last() == Some(common) || query.after.as_ref() == Some(common)
            }
            None => false,
        };
        if known {
            continue;
        }
        if page.objects.len() + page.prefixes.len() == query.max_keys {
            page.next = last;
            return page;
        }
        last = Some(common.clone().unwrap_or_else(|| key.clone()));
        match common {
            Some(common) => page.prefixes.push(common),
            None => page.objects.push(Arc::clone(object)),
        }
    }
    page
}

/// `encoding-type=url` lets keys with control characters through XML; `/` stays as it is.
pub(crate) fn encoded(text: &str, encoding: Option<&dto::EncodingType>) -> String {
    if encoding.is_none_or(|encoding| encoding.as_str() != dto::EncodingType::URL) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The objects of a page as XML entries.
pub(crate) fn contents(page: &Page, encoding: Option<&dto::EncodingType>) -> Vec<dto::Object> {
    let entry = |object: &Arc<Object>| dto::Object {
        key: Some(encoded(&object.key, encoding)),
        e_tag: Some(object.e_tag()),
        last_modified: Some(object.modified()),
        size: i64::try_from(object.size).ok(),
        storage_class: Some(dto::ObjectStorageClass::from_static("STANDARD")),
        ..dto::Object::default()
    };
    page.objects.iter().map(entry).collect()
}

/// The common prefixes of a page as XML entries.
pub(crate) fn common_prefixes(
    page: &Page,
    encoding: Option<&dto::EncodingType>,
) -> Vec<dto::CommonPrefix> {
    let entry = |prefix: &String| dto::CommonPrefix { prefix: Some(encoded(prefix, encoding)) };
    page.prefixes.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::{Attributes, Checksums};

    fn keys(names: &[&str]) -> BTreeMap<String, Arc<Object>> {
        let object = |key: &str| Object {
            bucket: "b".to_owned(),
            key: key.to_owned(),
            id: key.to_owned(),
            size: 0,
            etag: String::new(),
            modified_secs: 0,
            attributes: Attributes::default(),
            checksums: Checksums::default(),
        };
        names.iter().map(|name| ((*name).to_owned(), Arc::new(object(name)))).collect()
    }

    /// All names of a listing, page by page.
    fn walk(keys: &BTreeMap<String, Arc<Object>>, mut query: Query) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            let page = page(keys, &query);
            let objects = page.objects.iter().map(|object| object.key.clone());
            let mut here: Vec<String> = objects.chain(page.prefixes.iter().cloned()).collect();
            here.sort();
            names.extend(here);
            match page.next {
                Some(next) => query.after = Some(next),
                None => return names,
            }
        }
    }

    #[test]
    fn pages_of_any_size_add_up_to_the_same_listing() {
        let keys = keys(&["a", "a/1", "a/2", "a//3", "b/../c", "b/x", "z", "é"]);
        for max_keys in 1..10 {
            let query = Query { max_keys, ..Query::default() };
            assert_eq!(walk(&keys, query).len(), 8, "{max_keys}");
            let delimiter = Some("/".to_owned());
            let query = Query { max_keys, delimiter, ..Query::default() };
            assert_eq!(walk(&keys, query), ["a", "a/", "b/", "z", "é"], "{max_keys}");
        }
    }

    #[test]
    fn a_prefix_is_no_folder_and_a_marker_before_it_skips_nothing() {
        let keys = keys(&["etcd-a/1", "etcd-a-2/1", "etcd-b/1"]);
        let query = |prefix: &str, after: Option<&str>| Query {
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            max_keys: 10,
            ..Query::default()
        };
        assert_eq!(walk(&keys, query("etcd-a", None)).len(), 2);
        assert_eq!(walk(&keys, query("etcd-a/", None)), ["etcd-a/1"]);
        assert_eq!(walk(&keys, query("etcd-b", Some("a"))), ["etcd-b/1"]);
    }
}
