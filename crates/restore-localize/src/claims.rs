// SPDX-License-Identifier: Apache-2.0
//! What all members of a generation agree on, in a store: the pin, and who was made on which volume.
//! Everything is created once and never changed.

use anyhow::anyhow;
use bytes::Bytes;
use sidecar::{Exit, Failure};
use snapshot::{Claim, Pin, Unreadable};
use store::{Error, Kind, Store};

use crate::resolve::ClaimsAt;

/// More than any of them has, in bytes.
const LIMIT: u64 = 64 * 1024;

/// The claims of one generation.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    store: Store,
    folder: String,
}

/// Whose document is there now.
enum Won {
    Ours,
    Theirs(Bytes),
}

impl Claims {
    /// # Errors
    /// Those of the store's settings.
    pub(crate) fn open(at: &ClaimsAt, generation: &str) -> anyhow::Result<Self> {
        let store = store::open(&at.location, &at.settings).map_err(Error::into_failure)?;
        Ok(Self { store, folder: format!("{}{generation}/", at.target.folder()) })
    }

    /// The pin, if somebody has made it.
    ///
    /// # Errors
    /// The store's; [`Exit::Corrupt`] for one that cannot be read.
    pub(crate) async fn pin(&self) -> anyhow::Result<Option<Pin>> {
        let key = self.pin_key();
        let bytes = self.read(&key).await?;
        bytes.map(|bytes| self.parsed(&key, Pin::from_bytes(&bytes))).transpose()
    }

    /// Makes the pin; gives the one that counts, which may be another member's.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn make_pin(&self, pin: Pin) -> anyhow::Result<Pin> {
        let key = self.pin_key();
        match self.settle(&key, pin.to_bytes()?.into()).await? {
            Won::Ours => Ok(pin),
            Won::Theirs(bytes) => self.parsed(&key, Pin::from_bytes(&bytes)),
        }
    }

    /// On which volume a member was made, if it was.
    ///
    /// # Errors
    /// As of [`Claims::pin`].
    pub(crate) async fn of(&self, member: &str) -> anyhow::Result<Option<Claim>> {
        let key = format!("{}{member}", self.folder);
        let bytes = self.read(&key).await?;
        bytes.map(|bytes| self.parsed(&key, Claim::from_bytes(&bytes))).transpose()
    }

    /// Records that a member is made on a volume; gives the volume that counts.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn claim(&self, member: &str, volume: &str) -> anyhow::Result<String> {
        self.record(&format!("{}{member}", self.folder), volume).await
    }

    /// Whether a member was let in empty on this volume.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn has_rejoined(&self, member: &str, volume: &str) -> anyhow::Result<bool> {
        Ok(self.read(&self.rejoin_key(member, volume)).await?.is_some())
    }

    /// Records that a member is let in empty on this volume.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn note_rejoined(&self, member: &str, volume: &str) -> anyhow::Result<()> {
        self.record(&self.rejoin_key(member, volume), volume).await.map(drop)
    }

    /// For people.
    pub(crate) fn url(&self) -> String {
        self.store.location().url(&self.folder)
    }

    async fn record(&self, key: &str, volume: &str) -> anyhow::Result<String> {
        let claim = Claim::new(volume);
        match self.settle(key, claim.to_bytes()?.into()).await? {
            Won::Ours => Ok(claim.volume),
            Won::Theirs(bytes) => Ok(self.parsed(key, Claim::from_bytes(&bytes))?.volume),
        }
    }

    fn pin_key(&self) -> String {
        format!("{}pin", self.folder)
    }

    fn rejoin_key(&self, member: &str, volume: &str) -> String {
        format!("{}rejoined/{member}/{volume}", self.folder)
    }

    /// Nothing where there is none. Without the right to list, S3 denies what is not there: creating it
    /// will tell.
    async fn read(&self, key: &str) -> anyhow::Result<Option<Bytes>> {
        match self.store.read(key, LIMIT).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == Kind::Missing => Ok(None),
            Err(error) if error.kind() == Kind::Denied => {
                tracing::debug!(error = %error, "whether there is a claim already cannot be told");
                Ok(None)
            }
            Err(error) => Err(error.into_failure()),
        }
    }

    /// An answer may be lost, so what counts is what can be read.
    async fn settle(&self, key: &str, bytes: Bytes) -> anyhow::Result<Won> {
        let error = match self.store.create(key, bytes.clone()).await {
            Ok(()) => {
                let refused = self.store.must_refuse(key, bytes).await;
                refused.map_err(Error::into_failure)?;
                return Ok(Won::Ours);
            }
            Err(error) => error,
        };
        // Who may create and not overwrite is denied, on some stores, what is there already.
        if !matches!(error.kind(), Kind::Exists | Kind::Temporary | Kind::Denied) {
            return Err(error.into_failure());
        }
        match self.store.read(key, LIMIT).await {
            Ok(found) if found == bytes => Ok(Won::Ours),
            Ok(found) => Ok(Won::Theirs(found)),
            Err(why) if error.kind() == Kind::Exists => Err(why.into_failure()),
            Err(_) => Err(error.into_failure()),
        }
    }

    fn parsed<T>(&self, key: &str, read: Result<T, Unreadable>) -> anyhow::Result<T> {
        read.map_err(|why| {
            let url = self.store.location().url(key);
            Failure::new(Exit::Corrupt, anyhow!("{url} cannot be read: {why}"))
        })
    }
}
