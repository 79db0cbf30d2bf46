// SPDX-License-Identifier: Apache-2.0
//! The snapshots that restores are pinned to.

use std::collections::BTreeSet;

use anyhow::anyhow;
use futures_util::TryStreamExt as _;
use sidecar::{Exit, Failure};
use snapshot::{Id, Pin};
use store::{Kind, Store};

/// More than any pin has, in bytes.
const LIMIT: u64 = 64 * 1024;

/// Every pinned id. A pin that cannot be read could be any one, so it stops the run.
///
/// # Errors
/// Those of the store; [`Exit::Corrupt`].
pub(crate) async fn read(claims: &Store) -> anyhow::Result<BTreeSet<Id>> {
    let mut pinned = BTreeSet::new();
    let mut listing = claims.list("");
    while let Some(found) = listing.try_next().await.map_err(store::Error::into_failure)? {
        if !Pin::is_key(&found.key) {
            continue;
        }
        let bytes = match claims.read(&found.key, LIMIT).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == Kind::Missing => continue,
            Err(error) => return Err(error.into_failure()),
        };
        let pin = Pin::from_bytes(&bytes).map_err(|why| {
            let url = claims.location().url(&found.key);
            Failure::new(
                Exit::Corrupt,
                anyhow!("{url} says what a restore is pinned to and cannot be read: {why}"),
            )
        })?;
        pinned.extend(pin.snapshot());
    }
    Ok(pinned)
}
