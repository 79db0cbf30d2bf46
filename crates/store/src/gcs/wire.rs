// SPDX-License-Identifier: Apache-2.0
//! Documents of the JSON interface.
//!
//! <https://cloud.google.com/storage/docs/json_api/v1/objects>

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use object_store::ObjectMeta;
use object_store::path::Path;
use serde::Deserialize;

/// An object's metadata. Numbers are texts there.
#[derive(Debug, Deserialize)]
pub(crate) struct Object {
    pub(crate) name: String,
    pub(crate) size: String,
    pub(crate) updated: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) generation: Option<String>,
    pub(crate) crc32c: Option<String>,
}

/// A page of a listing.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    #[serde(default)]
    pub(crate) items: Vec<Object>,
    #[serde(default)]
    pub(crate) prefixes: Vec<String>,
    #[serde(rename = "nextPageToken")]
    pub(crate) next: Option<String>,
}

impl Object {
    pub(crate) fn meta(&self) -> object_store::Result<ObjectMeta> {
        let updated = self.updated.as_deref().unwrap_or_default();
        let updated = chrono::DateTime::parse_from_rfc3339(updated).unwrap_or_default();
        Ok(ObjectMeta {
            location: Path::parse(&self.name)?,
            last_modified: updated.into(),
            size: self.size.parse().unwrap_or_default(),
            e_tag: self.etag.clone(),
            version: self.generation.clone(),
        })
    }

    /// Whether the store holds what was sent, as far as it says.
    pub(crate) fn holds(&self, bytes: u64, crc32c: u32) -> bool {
        let same_sum = self.crc32c.as_ref().is_none_or(|sum| *sum == sum_text(crc32c));
        self.size == bytes.to_string() && same_sum
    }
}

/// A checksum as the interface writes it: base64 of its big-endian bytes.
pub(crate) fn sum_text(crc32c: u32) -> String {
    BASE64_STANDARD.encode(crc32c.to_be_bytes())
}

/// A key as one segment of a path, or a value in a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
