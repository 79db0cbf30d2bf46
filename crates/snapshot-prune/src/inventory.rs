// SPDX-License-Identifier: Apache-2.0
//! What there is, told apart: sound snapshots, those whose data is not what they say, and leftovers.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::anyhow;
use catalogue::{Shelf, data_key};
use jiff::Timestamp;
use sidecar::{Exit, Failure};
use snapshot::{Manifest, Place};
use store::{Found, Kind, Store};

/// What there is.
#[derive(Debug)]
pub(crate) struct Inventory {
    /// Their data is there, with the size that their manifests say.
    pub(crate) sound: Vec<Manifest>,
    /// Kept, and not counted as kept: a rule that counted them would delete good ones.
    pub(crate) broken: Vec<(Manifest, String)>,
    /// Data that no manifest names, old enough to be nobody's.
    pub(crate) orphans: Vec<Found>,
    /// Run records, old enough that no attempt comes any more.
    pub(crate) runs: Vec<Found>,
    /// Objects of other tools, which are left alone.
    pub(crate) foreign: usize,
    /// Whatever a manifest has adopted, by its key from the root: left alone too, though it be data of ours.
    pub(crate) adopted: BTreeSet<String>,
}

/// Reads everything in the cluster's folder. Whatever is unclear stops the run.
///
/// # Errors
/// [`Exit::Unavailable`] where nothing is found; [`Exit::Corrupt`] for a manifest that cannot be read; the
/// store's.
pub(crate) async fn take(store: &Store, place: &Place, age: Duration) -> anyhow::Result<Inventory> {
    let shelf = catalogue::read_place(store, place).await.map_err(store::Error::into_failure)?;
    if let Some(strange) = shelf.unreadable.first() {
        let url = store.location().url(&strange.key);
        let why = anyhow!("{url} cannot be read, so nothing is deleted: {}", strange.why);
        return Err(Failure::new(Exit::Corrupt, why));
    }
    if shelf.manifests.is_empty() {
        let url = store.location().url(&place.folder());
        let why = anyhow!("{url} has no snapshot; an empty listing is no licence to delete");
        return Err(Failure::new(Exit::Unavailable, why));
    }
    let is_old = |found: &&Found| is_older(found, age);
    let (orphans, runs): (Vec<Found>, Vec<Found>) = (
        shelf.orphans(store).into_iter().filter(is_old).cloned().collect(),
        shelf.runs.iter().filter(is_old).cloned().collect(),
    );
    let foreign = shelf.strangers(store).len();
    let (mut sound, mut broken) = (Vec::new(), Vec::new());
    for manifest in &shelf.manifests {
        match trouble(store, place, &shelf, manifest).await? {
            None => sound.push(manifest.clone()),
            Some(why) => broken.push((manifest.clone(), why)),
        }
    }
    Ok(Inventory { sound, broken, orphans, runs, foreign, adopted: shelf.adopted() })
}

fn is_older(found: &Found, age: Duration) -> bool {
    Timestamp::now().duration_since(found.modified)
        > jiff::SignedDuration::try_from(age).unwrap_or(jiff::SignedDuration::MAX)
}

/// What is wrong with a snapshot's data, as far as a listing tells.
async fn trouble(
    store: &Store,
    place: &Place,
    shelf: &Shelf,
    manifest: &Manifest,
) -> anyhow::Result<Option<String>> {
    let key = data_key(place, manifest);
    let bytes = match shelf.data.get(&manifest.object.key) {
        Some(found) => Some(found.bytes),
        // An adopted object lies anywhere in the bucket; data can be newer than the listing.
        None => match store.stat(&key).await {
            Ok(found) => Some(found.bytes),
            Err(error) if error.kind() == Kind::Missing => None,
            // The least rights do not read data: what the listing does not show is kept, not counted.
            Err(error) if error.kind() == Kind::Denied => return Ok(Some(error.to_string())),
            Err(error) => return Err(error.into_failure()),
        },
    };
    let wanted = manifest.object.bytes;
    Ok(match bytes {
        Some(bytes) if bytes == wanted => None,
        Some(bytes) => Some(format!("its data has {bytes} bytes, its manifest says {wanted}")),
        None => Some("its data is not there".to_owned()),
    })
}
