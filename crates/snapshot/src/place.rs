// SPDX-License-Identifier: Apache-2.0
//! Whose snapshots: a namespace and a cluster in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whose snapshots: they lie below `<prefix>/<namespace>/<cluster>/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The namespace.
    pub namespace: String,
    /// The cluster's name in it.
    pub cluster: String,
}

/// A name that cannot be a part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be letters, digits, `-`, `_` or `.`, and begin with a letter or digit")]
pub struct BadName;

impl Place {
    /// A place of checked names.
    ///
    /// # Errors
    /// [`BadName`] if one of them cannot be a part of a key.
    pub fn new(namespace: impl Into<String>, cluster: impl Into<String>) -> Result<Self, BadName> {
        let (namespace, cluster) = (namespace.into(), cluster.into());
        if is_name(&namespace) && is_name(&cluster) {
            Ok(Self { namespace, cluster })
        } else {
            Err(BadName)
        }
    }

    /// Its folder below the prefix. It ends in `/`, so `etcd-a` never sees `etcd-a-2`.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("{}/{}/", self.namespace, self.cluster)
    }

    /// The place a key below the prefix belongs to, and the name in it.
    #[must_use]
    pub fn split(key: &str) -> Option<(Self, &str)> {
        let (namespace, rest) = key.split_once('/')?;
        let (cluster, name) = rest.split_once('/')?;
        Self::new(namespace, cluster).ok().map(|place| (place, name))
    }
}

/// The characters that every store, shell and URL takes as they are.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= 253
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && text.bytes().all(plain)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.cluster)
    }
}

/// Reads `NAMESPACE/CLUSTER`.
impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (namespace, cluster) = text.split_once('/').ok_or("write it as NAMESPACE/CLUSTER")?;
        Self::new(namespace, cluster).map_err(|why| format!("each of the two names {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_ends_where_its_name_ends() {
        let place = Place::new("prod", "etcd-a").unwrap();
        assert_eq!(place.folder(), "prod/etcd-a/");
        assert_eq!(Place::split("prod/etcd-a-2/x").unwrap().0.cluster, "etcd-a-2");
    }

    #[test]
    fn no_name_leads_elsewhere() {
        for name in ["", ".", "..", "a/b", "-a", "a b", "a%2f", "\u{e4}"] {
            assert_eq!(Place::new(name, "x"), Err(BadName), "{name}");
            assert_eq!(Place::new("x", name), Err(BadName), "{name}");
        }
    }
}
