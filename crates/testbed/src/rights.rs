// SPDX-License-Identifier: Apache-2.0
//! What a pair may do: actions of a bucket's policy, each on the keys that fit its pattern.
//!
//! As S3 has them: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>.

use std::str::FromStr;

/// One action on the keys of a pattern, as `s3:GetObject:*.json`; without a pattern on all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    action: String,
    keys: String,
}

/// Not a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write it as s3:ACTION or s3:ACTION:PATTERN")]
pub struct BadGrant;

impl FromStr for Grant {
    type Err = BadGrant;

    fn from_str(text: &str) -> Result<Grant, BadGrant> {
        let rest = text.strip_prefix("s3:").ok_or(BadGrant)?;
        let (action, keys) = rest.split_once(':').unwrap_or((rest, "*"));
        if action.is_empty() || keys.is_empty() {
            return Err(BadGrant);
        }
        Ok(Grant { action: action.to_owned(), keys: keys.to_owned() })
    }
}

/// Whether one of the grants allows an operation on a key; the key of a bucket's operations is empty.
pub(crate) fn allow(grants: &[Grant], operation: &str, key: &str) -> bool {
    let action = action_of(operation);
    grants
        .iter()
        .any(|grant| grant.action == action && (action == "ListBucket" || fits(&grant.keys, key)))
}

/// Whether one of the grants allows listing, and so telling that a key is missing.
pub(crate) fn may_list(grants: &[Grant]) -> bool {
    grants.iter().any(|grant| grant.action == "ListBucket")
}

/// The action that an operation needs; it has the operation's own name where that is not said.
fn action_of(operation: &str) -> &str {
    match operation {
        "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => "PutObject",
        "HeadObject" => "GetObject",
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => "ListBucket",
        other => other,
    }
}

/// A `*` stands for anything, slashes too.
fn fits(pattern: &str, key: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == key,
        Some((head, tail)) => key.strip_prefix(head).is_some_and(|rest| {
            let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.into_iter().any(|at| fits(tail, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_allows_its_action_on_its_keys_alone() {
        let grants: Vec<Grant> = ["s3:PutObject", "s3:GetObject:a/*.json"]
            .iter()
            .map(|it| it.parse().unwrap())
            .collect();
        for (operation, key, expected) in [
            ("PutObject", "x", true),
            ("UploadPart", "x", true),
            ("HeadObject", "a/b/c.json", true),
            ("GetObject", "a/b/c.snap", false),
            ("GetObject", "b/c.json", false),
            ("DeleteObject", "x", false),
            ("AbortMultipartUpload", "x", false),
            ("ListObjectsV2", "", false),
        ] {
            assert_eq!(allow(&grants, operation, key), expected, "{operation} {key}");
        }
        assert!(!may_list(&grants));
    }

    #[test]
    fn what_is_no_grant_is_refused() {
        for text in ["", "PutObject", "s3:", "s3::x", "s3:GetObject:"] {
            assert_eq!(text.parse::<Grant>(), Err(BadGrant), "{text}");
        }
    }
}
