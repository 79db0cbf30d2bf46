// SPDX-License-Identifier: Apache-2.0
//! The members that vote, by name, with their peer URLs: what etcd calls the initial cluster.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use url::Url;

/// Names and peer URLs. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Voters(BTreeMap<String, Vec<String>>);

/// A list with this member in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) voters: Voters,
    /// The name that stands first.
    pub(crate) first: String,
}

impl Voters {
    /// Of a pin.
    pub(crate) fn of(map: BTreeMap<String, Vec<String>>) -> Option<Self> {
        (!map.is_empty()).then_some(Self(map))
    }

    pub(crate) fn one(name: &str, urls: &[String]) -> Self {
        Self([(name.to_owned(), urls.to_vec())].into())
    }

    pub(crate) fn urls(&self, name: &str) -> Option<&[String]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// Those of both; of two places of one name, the other's counts.
    pub(crate) fn with(&self, other: &Self) -> Self {
        let mut all = self.0.clone();
        all.extend(other.0.clone());
        Self(all)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(name, urls)| (name.as_str(), urls.as_slice()))
    }

    pub(crate) fn map(&self) -> &BTreeMap<String, Vec<String>> {
        &self.0
    }
}

/// As etcd's tool wants it.
impl fmt::Display for Voters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.iter().flat_map(|(name, urls)| urls.iter().map(move |url| (name, url)));
        for (place, (name, url)) in each.enumerate() {
            write!(f, "{}{name}={url}", if place == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for Listed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut first = None;
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, url) =
                entry.split_once('=').ok_or_else(|| format!("`{entry}`: write it as NAME=URL"))?;
            first.get_or_insert_with(|| name.to_owned());
            map.entry(name.to_owned()).or_default().push(peer_url(url)?);
        }
        map.values_mut().for_each(|urls| urls.sort());
        let voters = Voters::of(map).ok_or("it is empty")?;
        Ok(Self { voters, first: first.unwrap_or_default() })
    }
}

/// Peer URLs, sorted as etcd sorts them.
pub(crate) fn peer_urls(text: &str) -> Result<Vec<String>, String> {
    let urls = text.split(',').map(str::trim).filter(|url| !url.is_empty()).map(peer_url);
    let mut urls: Vec<String> = urls.collect::<Result<_, _>>()?;
    urls.sort();
    if urls.is_empty() { Err("it is empty".to_owned()) } else { Ok(urls) }
}

/// etcd takes a scheme, a host and a port, and no path.
fn peer_url(text: &str) -> Result<String, String> {
    let is_good = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && matches!(url.path(), "" | "/")
    });
    match is_good && !text.ends_with('/') {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}`: write it as http://HOST:PORT or https://HOST:PORT")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_as_etcd_reads_it() {
        let listed: Listed = "b=http://b:2380, a=http://a:2381,a=http://a:2380".parse().unwrap();
        assert_eq!(listed.first, "b");
        assert_eq!(listed.voters.len(), 2);
        assert_eq!(listed.voters.to_string(), "a=http://a:2380,a=http://a:2381,b=http://b:2380");
        for bad in ["", ",", "a", "a=", "a=b:2380", "a=http://a:2380/x", "a=ftp://a:1"] {
            assert!(bad.parse::<Listed>().is_err(), "{bad}");
        }
    }
}
