// SPDX-License-Identifier: Apache-2.0
//! The snapshot that is asked for, never another one.

use std::str::FromStr;

use anyhow::anyhow;
use jiff::Timestamp;
use sidecar::{Exit, Failure};
use snapshot::{BadId, Class, Digest, Id, Manifest, Place};
use store::Store;

use crate::shelf::{manifest_bytes, read_manifest, read_place};

/// Which snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The newest of those that are meant.
    Latest,
    /// This one.
    Id(Id),
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "latest" => Ok(Self::Latest),
            id => id.parse().map(Self::Id).map_err(|why: BadId| format!("{why}; or `latest`")),
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Which one.
    pub which: Which,
    /// Of this class alone.
    pub class: Option<Class>,
    /// Taken before this time.
    pub before: Option<Timestamp>,
}

impl Ask {
    /// Whether a snapshot is one of those that are meant.
    #[must_use]
    pub fn admits(&self, manifest: &Manifest) -> bool {
        let is_id = match self.which {
            Which::Latest => true,
            Which::Id(id) => id == manifest.id,
        };
        is_id
            && self.class.is_none_or(|class| class == manifest.class)
            && self.before.is_none_or(|before| manifest.time() < before)
    }
}

/// A snapshot, by its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The manifest.
    pub manifest: Manifest,
    /// The digest of the manifest's own bytes.
    pub sha256: Digest,
}

/// Finds the one that is asked for.
///
/// # Errors
/// [`Exit::Corrupt`] if there is none, or its manifest is bad, or a bad manifest hides which is the
/// latest; the store's.
pub async fn select(store: &Store, place: &Place, ask: &Ask) -> anyhow::Result<Selected> {
    let id = match ask.which {
        Which::Id(id) => id,
        Which::Latest => latest(store, place, ask).await?,
    };
    by_id(store, place, &id).await
}

/// The one with this id.
///
/// # Errors
/// As of [`select`].
pub async fn by_id(store: &Store, place: &Place, id: &Id) -> anyhow::Result<Selected> {
    let read = manifest_bytes(store, place, id).await.map_err(store::Error::into_failure)?;
    let selected = read.and_then(|bytes| {
        let sha256 = Digest::of(&bytes);
        read_manifest(place, id, &bytes).map(|manifest| Selected { manifest, sha256 })
    });
    selected.map_err(|strange| bad(format!("{}: {}", strange.key, strange.why)))
}

async fn latest(store: &Store, place: &Place, ask: &Ask) -> anyhow::Result<Id> {
    let shelf = read_place(store, place).await.map_err(store::Error::into_failure)?;
    if let Some(strange) = shelf.unreadable.first() {
        let (key, why) = (&strange.key, &strange.why);
        return Err(bad(format!("which one is the latest cannot be told: {key}: {why}")));
    }
    let url = store.location().url(&place.folder());
    let found = shelf.manifests.iter().find(|manifest| ask.admits(manifest));
    found.map(|it| it.id).ok_or_else(|| bad(format!("{url} has no such snapshot")))
}

fn bad(text: String) -> anyhow::Error {
    Failure::new(Exit::Corrupt, anyhow!(text))
}
