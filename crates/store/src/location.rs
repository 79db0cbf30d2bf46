// SPDX-License-Identifier: Apache-2.0
//! Where snapshots lie, as a URL says it.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// Which kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `s3://bucket/prefix`.
    S3,
    /// `gs://bucket/prefix`.
    Gcs,
    /// `az://container/prefix`.
    Azure,
    /// `file:///folder`.
    File,
    /// For tests: gone with the process.
    Memory,
}

/// A bucket, container or folder, and a prefix in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Which kind of store.
    pub scheme: Scheme,
    /// Bucket or container; empty for a folder.
    pub bucket: String,
    /// Without slashes at its ends; empty for the root. For `file:///` the folder.
    pub prefix: String,
}

/// Not the URL of a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "write it as s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or file:///FOLDER{0}"
)]
pub struct BadUrl(&'static str);

impl Location {
    /// The last `names` of the prefix, and what lies around them. None if there are not so many.
    #[must_use]
    pub fn apart(&self, names: usize) -> Option<(Self, String)> {
        let parts: Vec<&str> = self.prefix.split('/').collect();
        if self.prefix.is_empty() || parts.len() < names {
            return None;
        }
        let (around, key) = parts.split_at(parts.len() - names);
        Some((Self { prefix: around.join("/"), ..self.clone() }, key.join("/")))
    }

    /// An object, and the bucket or folder that it lies in. None if no object is named.
    #[must_use]
    pub fn object(&self) -> Option<(Self, String)> {
        match self.scheme {
            Scheme::File => self.apart(1),
            // A bucket is its own root.
            _ => self.apart(self.prefix.split('/').count()),
        }
    }
}

impl FromStr for Location {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let url = Url::parse(text).map_err(|_| BadUrl(""))?;
        let scheme = match url.scheme() {
            "s3" => Scheme::S3,
            "gs" => Scheme::Gcs,
            "az" => Scheme::Azure,
            "file" => Scheme::File,
            _ => return Err(BadUrl("")),
        };
        let bucket = url.host_str().unwrap_or_default().to_owned();
        if bucket.is_empty() != (scheme == Scheme::File) {
            return Err(BadUrl(""));
        }
        if url.query().is_some() || url.fragment().is_some() || url.password().is_some() {
            return Err(BadUrl("; nothing else belongs in it"));
        }
        // The text, not the URL's encoded path: a key is what was typed.
        let path =
            text.split_once("://").map_or("", |(_, rest)| &rest[bucket.len().min(rest.len())..]);
        let prefix = path.trim_matches('/').to_owned();
        if prefix.split('/').any(|part| matches!(part, "." | "..")) || prefix.contains("//") {
            return Err(BadUrl("; no part of it may be empty, `.` or `..`"));
        }
        Ok(Self { scheme, bucket, prefix })
    }
}

impl Location {
    /// The root in which keys are looked up: the bucket, or the folder.
    #[must_use]
    pub fn root(&self) -> String {
        let Self { scheme, bucket, prefix } = self;
        match scheme {
            Scheme::S3 => format!("s3://{bucket}"),
            Scheme::Gcs => format!("gs://{bucket}"),
            Scheme::Azure => format!("az://{bucket}"),
            Scheme::File => format!("file:///{prefix}"),
            Scheme::Memory => "memory://".to_owned(),
        }
    }

    /// A key of ours from the root of the bucket. One that begins with `/` is from there already.
    #[must_use]
    pub fn full(&self, key: &str) -> String {
        match key.strip_prefix('/') {
            Some(key) => key.to_owned(),
            None if self.prefix.is_empty() || self.scheme == Scheme::File => key.to_owned(),
            None => format!("{}/{key}", self.prefix),
        }
    }

    /// The reverse: a key from the root, without the prefix; `None` if it is not below it.
    #[must_use]
    pub fn relative<'a>(&self, full: &'a str) -> Option<&'a str> {
        match self.scheme {
            Scheme::File => Some(full),
            _ if self.prefix.is_empty() => Some(full),
            _ => full.strip_prefix(&self.prefix)?.strip_prefix('/'),
        }
    }

    /// A key as people see it.
    #[must_use]
    pub fn url(&self, key: &str) -> String {
        format!("{}/{}", self.root(), self.full(key)).trim_end_matches('/').to_owned()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_what_it_shows() {
        for text in ["s3://b/a/b", "gs://b", "az://con/p q", "file:///srv/backups"] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.to_string(), text);
        }
        let trimmed: Location = "s3://b/a/".parse().unwrap();
        assert_eq!((trimmed.prefix.as_str(), trimmed.full("x").as_str()), ("a", "a/x"));
        assert_eq!(trimmed.full("/y/z"), "y/z");
        assert_eq!((trimmed.relative("a/x"), trimmed.relative("ab/x")), (Some("x"), None));
    }

    #[test]
    fn what_is_no_url_of_a_store_is_refused() {
        for text in [
            "",
            "b/p",
            "http://b/p",
            "s3:///p",
            "file://host/p",
            "s3://b/p?x=1",
            "s3://u:p@b/",
            "s3://b/a//b",
        ] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }
}
