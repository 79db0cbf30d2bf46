// SPDX-License-Identifier: Apache-2.0
//! An object that another tool wrote: read whole, judged, and only then given a manifest.

use jiff::Timestamp;
use sidecar::{Exit, Failure};
use snapshot::{Manifest, Object, Source, SourceKind, Taken};
use store::Store;

use crate::plan::{Expected, Plan};
use crate::proof;
use crate::run::Run;
use crate::spool;
use crate::upload::tool;

/// Fetches and judges the object; nothing is written to the store.
///
/// # Errors
/// [`Exit::Corrupt`] for a bad one; the store's.
pub(crate) async fn examine(
    store: &Store,
    plan: &Plan,
    run: &Run,
    key: &str,
    expected: Expected,
) -> anyhow::Result<Manifest> {
    let found = store.stat(key).await.map_err(store::Error::into_failure)?;
    let room = plan.spool.limit.unwrap_or(u64::MAX).min(spool::free(&plan.spool.dir)?);
    if found.bytes > room {
        let why =
            anyhow::anyhow!("the object has {} bytes and the spool may hold {room}", found.bytes);
        return Err(Failure::new(Exit::Temporary, why));
    }
    let file = tempfile::tempfile_in(&plan.spool.dir)?;
    let fetched =
        catalogue::fetch_raw(store, key, file.try_clone()?).await.map_err(
            |broken| match broken {
                catalogue::Broken::Store(error) => error.into_failure(),
                broken => Failure::new(Exit::Temporary, broken),
            },
        )?;
    let facts = proof::judge(file.into(), fetched.content, None, expected).await?;
    let source = Source {
        kind: SourceKind::Adopted,
        place: plan.place.clone(),
        endpoint: Some(store.location().url(key)),
        server_version: None,
        cluster_id: None,
        member_id: None,
    };
    // When it was taken is not known better than when it was written.
    let taken = Taken { start: found.modified, end: found.modified.min(Timestamp::now()) };
    let sum = fetched.stored;
    let object =
        Object { key: key.to_owned(), bytes: sum.bytes, sha256: sum.sha256, encoding: vec![] };
    let manifest = Manifest::new(run.id, source, taken, object, fetched.content, tool());
    Ok(manifest.with_facts(facts))
}
