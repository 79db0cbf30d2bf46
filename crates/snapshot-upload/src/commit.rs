// SPDX-License-Identifier: Apache-2.0
//! The manifest is the commit: create-only, so that one attempt wins, whatever answers are lost.

use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use catalogue::Strange;
use sidecar::{Exit, Failure};
use snapshot::{Id, Manifest, Place};
use store::{Kind, Store};

const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(500);

/// Whose snapshot it is now.
#[derive(Debug)]
pub(crate) enum Committed {
    /// This attempt's.
    Ours,
    /// Another attempt's, whose manifest was read and judged.
    Theirs(Box<Manifest>),
}

/// Puts the manifest. An answer may be lost, so what counts is what can be read.
///
/// # Errors
/// [`Exit::Temporary`] if it stays unknown who won; the store's.
pub(crate) async fn commit(
    store: &Store,
    place: &Place,
    manifest: &Manifest,
) -> anyhow::Result<Committed> {
    let key = format!("{}{}", place.folder(), manifest.id.manifest_name());
    let bytes = Bytes::from(manifest.to_bytes()?);
    let mut last = String::new();
    for attempt in 1..=TRIES {
        let error = match store.create(&key, bytes.clone()).await {
            Ok(()) => return Ok(Committed::Ours),
            Err(error) => error,
        };
        // Who may create and not overwrite is denied, on some stores, what is there already.
        if !matches!(error.kind(), Kind::Exists | Kind::Temporary | Kind::Denied) {
            return Err(error.into_failure());
        }
        last = error.to_string();
        match catalogue::manifest(store, place, &manifest.id).await {
            Ok(Ok(found)) if found.object == manifest.object => return Ok(Committed::Ours),
            Ok(found) => return Ok(Committed::Theirs(Box::new(sound(store, place, found).await?))),
            Err(_) if error.kind() == Kind::Denied => return Err(error.into_failure()),
            Err(why) if matches!(why.kind(), Kind::Missing | Kind::Temporary) => {}
            Err(why) => return Err(why.into_failure()),
        }
        tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await;
    }
    let why = anyhow!(
        "it is not known whether {} was committed: {last}; the next attempt of this run finds out",
        manifest.id
    );
    Err(Failure::new(Exit::Temporary, why))
}

/// The manifest that another attempt has committed already, if there is one.
///
/// # Errors
/// The store's; [`Exit::Corrupt`] for a bad one.
pub(crate) async fn earlier(
    store: &Store,
    place: &Place,
    id: &Id,
) -> anyhow::Result<Option<Manifest>> {
    match catalogue::manifest(store, place, id).await {
        Ok(found) => sound(store, place, found).await.map(Some),
        Err(error) if error.kind() == Kind::Missing => Ok(None),
        // Without the right to list, S3 denies what is not there. Creating it will tell.
        Err(error) if error.kind() == Kind::Denied => {
            tracing::debug!(error = %error, "whether there is a manifest already cannot be told");
            Ok(None)
        }
        Err(error) => Err(error.into_failure()),
    }
}

/// Whether the winner's manifest is good, and its data there, as far as this credential may look.
async fn sound(
    store: &Store,
    place: &Place,
    found: Result<Manifest, Strange>,
) -> anyhow::Result<Manifest> {
    let bad = |why: String| Failure::new(Exit::Corrupt, anyhow!(why));
    let manifest = found.map_err(|strange| {
        bad(format!("another attempt left a bad manifest: {}: {}", strange.key, strange.why))
    })?;
    match store.stat(&catalogue::data_key(place, &manifest)).await {
        Ok(data) if data.bytes != manifest.object.bytes => Err(bad(format!(
            "another attempt committed {} and its data has {} bytes instead of {}",
            manifest.id, data.bytes, manifest.object.bytes
        ))),
        Err(error) if error.kind() == Kind::Missing => {
            Err(bad(format!("another attempt committed {} and its data is not there", manifest.id)))
        }
        Err(error) if error.kind() == Kind::Temporary => Err(error.into_failure()),
        // The least rights of an uploader do not include reading data.
        _ => Ok(manifest),
    }
}
