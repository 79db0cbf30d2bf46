// SPDX-License-Identifier: Apache-2.0
//! The version of a document: `MAJOR.MINOR`. A reader takes any minor of a major that it knows.

use serde::Deserialize;

/// What we write.
pub(crate) const VERSION: &str = "1.0";

/// A document of a major version that this reader does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its format version is `{0}` and this reader knows 1.x: read it with a newer release")]
pub struct UnknownVersion(pub String);

#[derive(Deserialize)]
struct Head {
    version: String,
}

/// Reads a document's version and judges it, before the rest is looked at.
pub(crate) fn check(bytes: &[u8]) -> Result<Result<(), UnknownVersion>, serde_json::Error> {
    let Head { version } = serde_json::from_slice(bytes)?;
    let major = version.split('.').next().unwrap_or_default();
    Ok(if major == "1" { Ok(()) } else { Err(UnknownVersion(version)) })
}
