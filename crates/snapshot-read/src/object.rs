// SPDX-License-Identifier: Apache-2.0
//! An object by its URL: one of a snapshot of ours, or any other.

use std::fs::File;

use anyhow::anyhow;
use catalogue::{Broken, fetch, fetch_raw};
use encoding::Identities;
use sidecar::{Exit, Failure};
use snapshot::{Entry, Id, Manifest, Place, entry_of};
use store::{Error, Kind, Location, Settings, Store};

/// The object's content in an unlinked file. That of a snapshot of ours is verified by its manifest; what no
/// manifest names is taken as it is.
///
/// # Errors
/// With the exit code they deserve.
pub(crate) async fn object(
    at: Location,
    settings: Settings,
    identities: Option<Identities>,
) -> anyhow::Result<(File, Option<Manifest>)> {
    let (at, key) =
        apart(&at).ok_or_else(|| Failure::new(Exit::Usage, anyhow!("the URL names no object")))?;
    let store = store::open(&at, &settings).map_err(Error::into_failure)?;
    let file = tempfile::tempfile()?;
    let sink = file.try_clone()?;
    let manifest = match snapshot_of(&key) {
        Some((place, id)) => manifest(&store, &place, &id, &key).await?,
        None => None,
    };
    match &manifest {
        Some((place, manifest)) => fetch(&store, place, manifest, identities, sink).await,
        None => fetch_raw(&store, &key, sink).await,
    }
    .map_err(Broken::into_failure)?;
    Ok((file, manifest.map(|(_, manifest)| manifest)))
}

/// The manifest that a key is, or that names it.
async fn manifest(
    store: &Store,
    place: &Place,
    id: &Id,
    key: &str,
) -> anyhow::Result<Option<(Place, Manifest)>> {
    let is_data = matches!(entry_of(name_of(key)), Entry::Data(_));
    match catalogue::manifest(store, place, id).await {
        // Data of an attempt that lost.
        Ok(Ok(manifest)) if is_data && manifest.object.key != name_of(key) => Ok(None),
        Ok(Ok(manifest)) => Ok(Some((place.clone(), manifest))),
        Ok(Err(strange)) => {
            Err(Failure::new(Exit::Corrupt, anyhow!("{}: {}", strange.key, strange.why)))
        }
        Err(error) if is_data && error.kind() == Kind::Missing => Ok(None),
        Err(error) => Err(error.into_failure()),
    }
}

/// The store that the key's snapshots lie in, and the key below it.
fn apart(at: &Location) -> Option<(Location, String)> {
    match snapshot_of(&at.prefix) {
        // A cluster's folder has a store around it.
        Some(_) => at.apart(3),
        None => at.object(),
    }
}

/// Whose snapshot a key belongs to, by its name and its folder.
fn snapshot_of(key: &str) -> Option<(Place, Id)> {
    let mut parts = key.rsplitn(4, '/');
    let (name, cluster, namespace) = (parts.next()?, parts.next()?, parts.next()?);
    let id = match entry_of(name) {
        Entry::Manifest(id) => id,
        Entry::Data(data) => data.id,
        _ => return None,
    };
    Some((Place::new(namespace, cluster).ok()?, id))
}

fn name_of(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "2026-11-21T03-00-00Z-0123abcd.snap";

    #[test]
    fn a_snapshot_is_looked_for_in_the_store_around_its_cluster() {
        for (url, prefix, key) in [
            (format!("s3://b/p/ns/etcd/{NAME}"), "p", format!("ns/etcd/{NAME}")),
            (format!("s3://b/ns/etcd/{NAME}"), "", format!("ns/etcd/{NAME}")),
            (format!("s3://b/ns/etcd/ns/etcd/{NAME}"), "ns/etcd", format!("ns/etcd/{NAME}")),
            (format!("file:///p/ns/etcd/{NAME}.json"), "p", format!("ns/etcd/{NAME}.json")),
            ("file:///p/ns/etcd/a.db".to_owned(), "p/ns/etcd", "a.db".to_owned()),
            ("s3://b/p/a.db".to_owned(), "", "p/a.db".to_owned()),
            (format!("s3://b/{NAME}"), "", NAME.to_owned()),
        ] {
            let (at, found) = apart(&url.parse().unwrap()).unwrap();
            assert_eq!((at.prefix.as_str(), found), (prefix, key), "{url}");
        }
        assert!(apart(&"s3://b".parse().unwrap()).is_none());
    }
}
