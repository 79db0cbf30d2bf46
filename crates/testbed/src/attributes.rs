// SPDX-License-Identifier: Apache-2.0
//! What the store keeps with an object besides its bytes.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use s3s::dto;
use serde::{Deserialize, Serialize};

/// The headers that come back with an object as they were given.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Attributes {
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) storage_class: Option<String>,
}

/// The checksums that an object was uploaded with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Checksums {
    pub(crate) crc32: Option<String>,
    pub(crate) crc32c: Option<String>,
    pub(crate) crc64nvme: Option<String>,
    pub(crate) sha1: Option<String>,
    pub(crate) sha256: Option<String>,
}

/// One object: where its bytes lie and what is known of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Object {
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// The name of its files under the root.
    pub(crate) id: String,
    pub(crate) size: u64,
    pub(crate) etag: String,
    /// Whole seconds since 1970, as coarse as HTTP's dates.
    pub(crate) modified_secs: u64,
    pub(crate) attributes: Attributes,
    pub(crate) checksums: Checksums,
}

impl Object {
    pub(crate) fn modified(&self) -> dto::Timestamp {
        (UNIX_EPOCH + Duration::from_secs(self.modified_secs)).into()
    }

    pub(crate) fn e_tag(&self) -> dto::ETag {
        dto::ETag::Strong(self.etag.clone())
    }
}

pub(crate) fn now_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Attributes {
    pub(crate) fn metadata_dto(&self) -> Option<dto::Metadata> {
        (!self.metadata.is_empty()).then(|| self.metadata.clone().into_iter().collect())
    }

    /// `aws-chunked` is how a body travelled, not how it is stored.
    pub(crate) fn without_aws_chunked(mut self) -> Attributes {
        self.content_encoding = self.content_encoding.and_then(|encoding| {
            let kept: Vec<&str> =
                encoding.split(',').map(str::trim).filter(|one| *one != "aws-chunked").collect();
            let kept = kept.join(",");
            (!kept.is_empty()).then_some(kept)
        });
        self
    }
}

/// The same fields under the same names in three of s3s's inputs.
macro_rules! attributes_of {
    ($input:expr) => {
        $crate::attributes::Attributes {
            metadata: $input.metadata.take().unwrap_or_default().into_iter().collect(),
            content_type: $input.content_type.take(),
            content_encoding: $input.content_encoding.take(),
            content_disposition: $input.content_disposition.take(),
            content_language: $input.content_language.take(),
            cache_control: $input.cache_control.take(),
            storage_class: $input.storage_class.take().map(|class| class.as_str().to_owned()),
        }
        .without_aws_chunked()
    };
}
pub(crate) use attributes_of;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_chunked_is_not_kept_with_an_object() {
        let kept = |encoding: &str| {
            let content_encoding = Some(encoding.to_owned());
            let attributes = Attributes { content_encoding, ..Attributes::default() };
            attributes.without_aws_chunked().content_encoding
        };
        assert_eq!(kept("aws-chunked"), None);
        assert_eq!(kept("gzip,aws-chunked").as_deref(), Some("gzip"));
        assert_eq!(kept("aws-chunked, gzip").as_deref(), Some("gzip"));
    }
}
