// SPDX-License-Identifier: Apache-2.0
//! What a caller may do: a credential's power, cut down to a mode, a bucket and a prefix.

use std::str::FromStr;

use http::Method;
use sigv4::Query;

use crate::s3_error::S3Error;
use crate::target::Target;

/// Whether callers may change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    ReadOnly,
    ReadWrite,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "read-only" => Ok(Self::ReadOnly),
            "read-write" => Ok(Self::ReadWrite),
            _ => Err("known modes are read-only and read-write".to_owned()),
        }
    }
}

/// The limits of this proxy.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) mode: Mode,
    pub(crate) bucket: Option<String>,
    /// A literal beginning of keys, as in IAM's `prefix*`.
    pub(crate) prefix: Option<String>,
}

/// Sub-resources of a bucket that list keys, and so obey the prefix.
const LISTINGS: [&str; 2] = ["versions", "uploads"];
/// Sub-resources of a bucket that tell nothing about keys.
const HARMLESS: [&str; 3] = ["location", "versioning", "object-lock"];
/// Query names of a plain listing, or that any request may carry.
const LISTING_PARAMETERS: [&str; 10] = [
    "list-type",
    "prefix",
    "delimiter",
    "marker",
    "max-keys",
    "encoding-type",
    "continuation-token",
    "start-after",
    "fetch-owner",
    "x-id",
];

/// Whether the body has to be read before the request may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    Granted,
    /// A multi-delete under a prefix: its keys stand in the body.
    IfKeysInBody,
}

impl Policy {
    /// True when nothing is cut down.
    pub(crate) fn is_unlimited(&self) -> bool {
        self.mode == Mode::ReadWrite && self.bucket.is_none() && self.prefix.is_none()
    }

    /// Decides on a request by its method, target, query and copy source.
    pub(crate) fn check(
        &self,
        method: &Method,
        target: &Target,
        query: &Query,
        copy_source: Option<&[u8]>,
    ) -> Result<Permit, S3Error> {
        self.check_mode(method)?;
        if self.bucket.is_none() && self.prefix.is_none() {
            return Ok(Permit::Granted);
        }
        let bucket = target.bucket.as_deref().ok_or_else(|| {
            S3Error::denied(
                "this proxy is limited to one bucket or prefix; listing buckets is not allowed",
            )
        })?;
        self.check_bucket(bucket)?;
        if let Some(source) = copy_source {
            self.check_copy_source(source)?;
        }
        match target.key.as_deref() {
            Some(key) => self.check_key(key).map(|()| Permit::Granted),
            None => self.check_bucket_request(method, query),
        }
    }

    fn check_mode(&self, method: &Method) -> Result<(), S3Error> {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        if self.mode == Mode::ReadOnly && !reads {
            return Err(S3Error::denied("this proxy runs with --mode read-only"));
        }
        Ok(())
    }

    fn check_bucket(&self, bucket: &[u8]) -> Result<(), S3Error> {
        match &self.bucket {
            Some(only) if only.as_bytes() != bucket => {
                Err(S3Error::denied(format!("this proxy is limited to bucket {only} (--bucket)")))
            }
            _ => Ok(()),
        }
    }

    /// A key must lie under the prefix. Dot segments are refused: some stores resolve them.
    pub(crate) fn check_key(&self, key: &[u8]) -> Result<(), S3Error> {
        if key.split(|byte| *byte == b'/').any(|part| part == b"." || part == b"..") {
            return Err(S3Error::denied(
                "keys with . or .. segments are refused by a limited proxy: some stores resolve them",
            ));
        }
        match &self.prefix {
            Some(prefix) if !key.starts_with(prefix.as_bytes()) => Err(S3Error::denied(format!(
                "this proxy is limited to keys that begin with {prefix} (--prefix)"
            ))),
            _ => Ok(()),
        }
    }

    fn check_copy_source(&self, source: &[u8]) -> Result<(), S3Error> {
        let path = source.split(|byte| *byte == b'?').next().unwrap_or_default();
        let decoded = sigv4::decode(path);
        let decoded = decoded.strip_prefix(b"/").unwrap_or(&decoded);
        let mut parts = decoded.splitn(2, |byte| *byte == b'/');
        match (parts.next(), parts.next()) {
            (Some(bucket), Some(key)) if !bucket.starts_with(b"arn:") => {
                self.check_bucket(bucket)?;
                self.check_key(key)
            }
            _ => Err(S3Error::denied(
                "the copy source is not BUCKET/KEY; a limited proxy takes no other form",
            )),
        }
    }

    /// A request for the bucket itself: listings inside the prefix, harmless facts, multi-delete.
    fn check_bucket_request(&self, method: &Method, query: &Query) -> Result<Permit, S3Error> {
        if self.prefix.is_none() {
            return Ok(Permit::Granted);
        }
        if method == Method::POST && query.contains("delete") {
            return Ok(Permit::IfKeysInBody);
        }
        if method == Method::HEAD {
            return Ok(Permit::Granted);
        }
        if method != Method::GET {
            return Err(S3Error::denied(
                "this proxy is limited to a prefix; changing the bucket is not allowed",
            ));
        }
        if HARMLESS.iter().any(|name| query.contains(name)) {
            return Ok(Permit::Granted);
        }
        let prefixes = query.iter().filter(|(name, _)| *name == b"prefix").count();
        if !is_listing(query) || prefixes > 1 {
            return Err(S3Error::denied(
                "this proxy is limited to a prefix; this sub-resource of the bucket is not allowed",
            ));
        }
        self.check_listing(query.get("prefix").unwrap_or_default())
    }

    fn check_listing(&self, prefix: &[u8]) -> Result<Permit, S3Error> {
        let only = self.prefix.as_deref().unwrap_or_default();
        if prefix.starts_with(only.as_bytes()) {
            return Ok(Permit::Granted);
        }
        Err(S3Error::denied(format!(
            "this proxy is limited to keys that begin with {only} (--prefix): list with that prefix"
        )))
    }
}

fn is_listing(query: &Query) -> bool {
    const VERSION_PARAMETERS: [&str; 4] =
        ["key-marker", "version-id-marker", "upload-id-marker", "max-uploads"];
    query.iter().all(|(name, _)| {
        std::str::from_utf8(name).is_ok_and(|name| {
            LISTING_PARAMETERS.contains(&name)
                || LISTINGS.contains(&name)
                || VERSION_PARAMETERS.contains(&name)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(mode: Mode) -> Policy {
        Policy { mode, bucket: Some("b".to_owned()), prefix: Some("p/".to_owned()) }
    }

    fn check(
        method: &Method,
        path: &str,
        query: &str,
        source: Option<&str>,
    ) -> Result<Permit, String> {
        let target = Target::from_path(path.as_bytes(), None);
        policy(Mode::ReadWrite)
            .check(method, &target, &Query::from_wire(query.as_bytes()), source.map(str::as_bytes))
            .map_err(|error| error.message)
    }

    #[test]
    fn a_key_inside_bucket_and_prefix_passes() {
        for path in ["/b/p/k", "/b/p/", "/b/p%2Fk", "/b/p//k"] {
            assert_eq!(check(&Method::PUT, path, "", None), Ok(Permit::Granted), "{path}");
        }
    }

    #[test]
    fn everything_outside_is_refused() {
        for path in [
            "/",
            "/c/p/k",
            "/b/q/k",
            "/b/p",
            "/b/p/../q",
            "/b/p/./k",
            "/b/p/%2e%2e/q",
            "/bb/p/k",
            "/b/P/k",
        ] {
            assert!(check(&Method::GET, path, "", None).is_err(), "{path}");
        }
    }

    #[test]
    fn a_listing_names_a_prefix_inside_ours() {
        assert!(check(&Method::GET, "/b", "list-type=2&prefix=p%2Fx", None).is_ok());
        assert!(check(&Method::GET, "/b/", "versions&prefix=p/", None).is_ok());
        assert!(check(&Method::GET, "/b", "uploads&prefix=p/&max-uploads=3", None).is_ok());
        for query in [
            "",
            "list-type=2",
            "prefix=q",
            "prefix=p",
            "versions",
            "uploads",
            "acl&prefix=p/",
            "policy",
        ] {
            assert!(check(&Method::GET, "/b", query, None).is_err(), "{query}");
        }
    }

    #[test]
    fn the_first_prefix_parameter_counts_only_if_it_is_the_only_one() {
        assert!(check(&Method::GET, "/b", "prefix=p/&prefix=q", None).is_err());
    }

    #[test]
    fn a_copy_reads_inside_the_prefix_only() {
        assert!(check(&Method::PUT, "/b/p/k", "", Some("/b/p/src?versionId=1")).is_ok());
        assert!(check(&Method::PUT, "/b/p/k", "", Some("b/p%2Fsrc")).is_ok());
        for source in ["/c/p/k", "b/q/k", "b", "arn:aws:s3:r:1:accesspoint/x/object/k", "b/p/../q"]
        {
            assert!(check(&Method::PUT, "/b/p/k", "", Some(source)).is_err(), "{source}");
        }
    }

    #[test]
    fn a_multi_delete_has_its_keys_read_first() {
        assert_eq!(check(&Method::POST, "/b", "delete", None), Ok(Permit::IfKeysInBody));
        assert!(check(&Method::PUT, "/b", "", None).is_err());
        assert!(check(&Method::DELETE, "/b", "", None).is_err());
    }

    #[test]
    fn read_only_lets_reads_through_alone() {
        let target = Target::from_path(b"/b/p/k", None);
        for (method, passes) in [
            (Method::GET, true),
            (Method::HEAD, true),
            (Method::PUT, false),
            (Method::POST, false),
            (Method::DELETE, false),
        ] {
            let verdict =
                policy(Mode::ReadOnly).check(&method, &target, &Query::from_wire(b""), None);
            assert_eq!(verdict.is_ok(), passes, "{method}");
        }
    }
}
