// SPDX-License-Identifier: Apache-2.0
//! What lies below a prefix, cluster by cluster.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use snapshot::{Entry, Id, Manifest, Place, entry_of};
use store::{Error, Found, Kind, Store};

/// Manifests are read so many at once.
const AT_ONCE: usize = 8;

/// What lies below a prefix.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// By cluster.
    pub shelves: BTreeMap<Place, Shelf>,
    /// What lies outside of any cluster's folder.
    pub foreign: Vec<Found>,
}

/// What lies in one cluster's folder.
#[derive(Debug, Default)]
pub struct Shelf {
    /// Every snapshot, newest first.
    pub manifests: Vec<Manifest>,
    /// Manifests that cannot be read, and why.
    pub unreadable: Vec<Strange>,
    /// Keys that parse as data, by name; those that no manifest names are orphans.
    pub data: BTreeMap<String, Found>,
    /// Run records.
    pub runs: Vec<Found>,
    /// Objects of other tools.
    pub foreign: Vec<Found>,
}

/// An object, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Strange {
    /// Its key below the prefix.
    pub key: String,
    /// What is wrong.
    pub why: String,
}

/// Reads one cluster's folder.
///
/// # Errors
/// Those of the store. A listing that broke off gives nothing: half of it would look like an answer.
pub async fn read_place(store: &Store, place: &Place) -> Result<Shelf, Error> {
    let catalogue = read(store, &place.folder()).await?;
    Ok(catalogue
        .shelves
        .into_iter()
        .find(|(key, _)| key == place)
        .map(|it| it.1)
        .unwrap_or_default())
}

/// Reads everything below the prefix.
///
/// # Errors
/// As of [`read_place`].
pub async fn read_all(store: &Store) -> Result<Catalogue, Error> {
    read(store, "").await
}

/// Reads one manifest.
///
/// # Errors
/// Those of the store; the text of what is wrong with the manifest.
pub async fn manifest(
    store: &Store,
    place: &Place,
    id: &Id,
) -> Result<Result<Manifest, Strange>, Error> {
    let read = manifest_bytes(store, place, id).await?;
    Ok(read.and_then(|bytes| read_manifest(place, id, &bytes)))
}

/// Its bytes, as they lie there.
pub(crate) async fn manifest_bytes(
    store: &Store,
    place: &Place,
    id: &Id,
) -> Result<Result<Bytes, Strange>, Error> {
    let key = key_of(place, id);
    match store.read(&key, Manifest::LIMIT).await {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(error) if error.kind() == Kind::Unsound => {
            Ok(Err(Strange { key, why: error.to_string() }))
        }
        Err(error) => Err(error),
    }
}

/// What they say.
pub(crate) fn read_manifest(place: &Place, id: &Id, bytes: &[u8]) -> Result<Manifest, Strange> {
    let strange = |why| Strange { key: key_of(place, id), why };
    match Manifest::from_bytes(bytes) {
        Ok(manifest) if manifest.id != *id => {
            Err(strange(format!("it is the manifest of {}", manifest.id)))
        }
        Ok(manifest) => Ok(manifest),
        Err(why) => Err(strange(why.to_string())),
    }
}

fn key_of(place: &Place, id: &Id) -> String {
    format!("{}{}", place.folder(), id.manifest_name())
}

async fn read(store: &Store, folder: &str) -> Result<Catalogue, Error> {
    let mut catalogue = Catalogue::default();
    let mut ids = Vec::new();
    let mut listing = store.list(folder);
    while let Some(found) = listing.try_next().await? {
        let Some((place, name)) = Place::split(&found.key) else {
            catalogue.foreign.push(found);
            continue;
        };
        let (name, entry) = (name.to_owned(), entry_of(name));
        let shelf = catalogue.shelves.entry(place.clone()).or_default();
        match entry {
            Entry::Manifest(id) => ids.push((place, id)),
            Entry::Data(_) => drop(shelf.data.insert(name, found)),
            Entry::Run => shelf.runs.push(found),
            Entry::Foreign => shelf.foreign.push(found),
        }
    }
    let mut manifests = stream::iter(ids)
        .map(|(place, id)| async move {
            let read = manifest(store, &place, &id).await;
            (place, read)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((place, read)) = manifests.next().await {
        let shelf = catalogue.shelves.entry(place).or_default();
        match read {
            Ok(Ok(manifest)) => shelf.manifests.push(manifest),
            Ok(Err(strange)) => shelf.unreadable.push(strange),
            // Pruned since it was listed.
            Err(error) if error.kind() == Kind::Missing => {}
            Err(error) => return Err(error),
        }
    }
    drop(manifests);
    for shelf in catalogue.shelves.values_mut() {
        shelf.manifests.sort_by_key(|it| std::cmp::Reverse((it.time(), it.id)));
    }
    Ok(catalogue)
}

impl Shelf {
    /// Data that no manifest names: of failed attempts, or whose manifest was deleted. Data of ours can be
    /// adopted like any other object.
    pub fn orphans(&self, store: &Store) -> Vec<&Found> {
        let (named, adopted) = (self.named(), self.adopted());
        let is_orphan = |name: &str, found: &Found| {
            !named.contains(name) && !adopted.contains(&from_root(store, &found.key))
        };
        self.data.iter().filter(|(name, found)| is_orphan(name, found)).map(|it| it.1).collect()
    }

    /// Objects of other tools that nobody has adopted.
    pub fn strangers(&self, store: &Store) -> Vec<&Found> {
        let adopted = self.adopted();
        self.foreign.iter().filter(|it| !adopted.contains(&from_root(store, &it.key))).collect()
    }

    /// Every key that a manifest gives its data, as it gives it.
    fn named(&self) -> BTreeSet<&str> {
        self.manifests.iter().map(|it| it.object.key.as_str()).collect()
    }

    /// The keys, from the root of the store and with a `/` before them, of what was adopted.
    #[must_use]
    pub fn adopted(&self) -> BTreeSet<String> {
        let keys = self.named().into_iter().filter(|key| key.starts_with('/'));
        keys.map(str::to_owned).collect()
    }
}

/// A key below the prefix, as the manifest of one who adopts it gives it.
#[must_use]
pub fn from_root(store: &Store, key: &str) -> String {
    format!("/{}", store.location().full(key))
}

/// Where a manifest's data lies, as a key of the store.
#[must_use]
pub fn data_key(place: &Place, manifest: &Manifest) -> String {
    let key = &manifest.object.key;
    if key.starts_with('/') { key.clone() } else { format!("{}{key}", place.folder()) }
}
