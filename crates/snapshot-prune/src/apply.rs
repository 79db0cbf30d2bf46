// SPDX-License-Identifier: Apache-2.0
//! Deletions: manifest first, then data, going on past what cannot be deleted.

use std::collections::BTreeSet;

use catalogue::{data_key, from_root};
use sidecar::Stop;
use snapshot::{Entry, Id, Manifest, Place, entry_of};
use store::{Error, Kind, Store};

use crate::pins;

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Snapshots that are gone.
    pub(crate) deleted: usize,
    /// Orphans and run records that are gone.
    pub(crate) swept: usize,
    /// Objects that a lock keeps.
    pub(crate) locked: Vec<String>,
    /// Objects that could not be deleted, and why.
    pub(crate) failed: Vec<String>,
}

/// Deletes in one cluster's folder.
pub(crate) struct Broom<'a> {
    pub(crate) store: &'a Store,
    pub(crate) place: &'a Place,
    /// What manifests have adopted, by its key from the root.
    pub(crate) adopted: &'a BTreeSet<String>,
    pub(crate) claims: Option<&'a Store>,
    pub(crate) stop: &'a Stop,
    pub(crate) done: Done,
}

impl Broom<'_> {
    /// Deletes snapshots, in the order given, unless a restore has pinned one meanwhile.
    ///
    /// # Errors
    /// If the pins can no longer be read.
    pub(crate) async fn snapshots(&mut self, goes: &[&Manifest]) -> anyhow::Result<()> {
        for manifest in goes {
            if self.stop.is_requested() {
                break;
            }
            let pinned = match self.claims {
                Some(claims) => pins::read(claims).await?,
                None => BTreeSet::new(),
            };
            if !pinned.contains(&manifest.id) && self.snapshot(manifest).await {
                self.done.deleted += 1;
            }
        }
        Ok(())
    }

    async fn snapshot(&mut self, manifest: &Manifest) -> bool {
        let key = format!("{}{}", self.place.folder(), manifest.id.manifest_name());
        if !self.object(&key).await {
            return false;
        }
        if self.is_its_own(manifest) {
            self.object(&data_key(self.place, manifest)).await;
        }
        true
    }

    /// Whether a snapshot's data is its own and no other's. An adopted object belongs to the tool that wrote
    /// it, and so does one that has no name of ours; one that another manifest has adopted stays for that.
    fn is_its_own(&self, manifest: &Manifest) -> bool {
        id_of(&manifest.object.key) == Some(manifest.id)
            && !self.adopted.contains(&from_root(self.store, &data_key(self.place, manifest)))
    }

    /// Deletes orphans, each only if no manifest names it by now.
    pub(crate) async fn orphans(&mut self, keys: &[String]) {
        if keys.is_empty() || self.stop.is_requested() {
            return;
        }
        let still = match self.still_orphans().await {
            Ok(still) => still,
            Err(error) => return self.done.failed.push(error.to_string()),
        };
        for key in keys.iter().filter(|key| still.contains(*key)) {
            if self.stop.is_requested() {
                break;
            }
            match self.is_orphan(key).await {
                Ok(true) => self.done.swept += usize::from(self.object(key).await),
                Ok(false) => {}
                Err(error) => self.done.failed.push(error.to_string()),
            }
        }
    }

    /// What no manifest of now names. A manifest that cannot be read could name any one.
    async fn still_orphans(&self) -> Result<BTreeSet<String>, Error> {
        let shelf = catalogue::read_place(self.store, self.place).await?;
        let orphans = shelf.orphans(self.store).into_iter();
        let is_clear = shelf.unreadable.is_empty();
        Ok(orphans.filter(|_| is_clear).map(|found| found.key.clone()).collect())
    }

    async fn is_orphan(&self, key: &str) -> Result<bool, Error> {
        let name = key.strip_prefix(&self.place.folder()).unwrap_or(key);
        let Some(id) = id_of(name) else { return Ok(false) };
        match catalogue::manifest(self.store, self.place, &id).await {
            Ok(Ok(manifest)) => Ok(manifest.object.key != name),
            // It cannot be read, so it may name it.
            Ok(Err(_)) => Ok(false),
            Err(error) if error.kind() == Kind::Missing => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Deletes run records.
    pub(crate) async fn runs(&mut self, keys: &[String]) {
        for key in keys {
            if self.stop.is_requested() {
                break;
            }
            self.done.swept += usize::from(self.object(key).await);
        }
    }

    /// Deletes one object; what keeps it is noted.
    async fn object(&mut self, key: &str) -> bool {
        match self.store.delete(key).await {
            Ok(()) => true,
            Err(error) if is_locked(&error, self.store, key) => {
                self.done.locked.push(self.store.location().url(key));
                false
            }
            Err(error) => {
                tracing::warn!(error = %error, "an object could not be deleted");
                self.done.failed.push(error.to_string());
                false
            }
        }
    }
}

fn id_of(name: &str) -> Option<Id> {
    match entry_of(name) {
        Entry::Data(data) => Some(data.id),
        _ => None,
    }
}

/// Words of stores that keep an object under a lock: Object Lock of S3, retention policies and holds of
/// Google, immutability of Azure.
const LOCKS: [&str; 10] = [
    "object lock",
    "objectlock",
    "worm protected",
    "retention policy",
    "retentionpolicy",
    "object retention",
    "legal hold",
    "temporary hold",
    "event-based hold",
    "immutab",
];

/// What the store said decides, not what the object is called: errors name it, more than once.
fn is_locked(error: &Error, store: &Store, key: &str) -> bool {
    let at = store.location();
    let text = error.to_string().replace(&at.full(key), "");
    let text = if at.bucket.is_empty() { text } else { text.replace(&at.bucket, "") };
    let text = text.to_ascii_lowercase();
    LOCKS.iter().any(|words| text.contains(words))
}
