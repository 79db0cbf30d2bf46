// SPDX-License-Identifier: Apache-2.0
//! The run record: all attempts of one run id are one snapshot.

use std::time::Duration;

use jiff::Timestamp;
use sidecar::{Exit, Failure};
use snapshot::{DataName, Encoding, Id, RunRecord};
use store::{Error, Kind, Store};

use crate::plan::Plan;

/// More than any record has, in bytes.
const LIMIT: u64 = 16 * 1024;

/// This attempt's part in a run.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// The id that all attempts try to commit.
    pub(crate) id: Id,
    /// Whether others may have tried before.
    pub(crate) attempt: Attempt,
}

/// Which attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The one that made the record. Its data has the snapshot's own name.
    First,
    /// Any other. Its data's name has this in it, so that no two attempts share a key.
    Later([u8; 4]),
}

impl Run {
    /// The name of this attempt's data.
    pub(crate) fn data_name(&self, encoding: &[Encoding]) -> String {
        let attempt = match self.attempt {
            Attempt::First => None,
            Attempt::Later(random) => Some(random),
        };
        DataName { id: self.id, attempt, encoding: encoding.to_vec() }.to_string()
    }
}

/// Makes the record, or finds the one that an earlier attempt made.
///
/// # Errors
/// [`Exit::Usage`] for a run id of long ago; [`Exit::Unavailable`] for a store that overwrites what must
/// only be created; the store's.
pub(crate) async fn begin(store: &Store, plan: &Plan) -> anyhow::Result<Run> {
    let run_id = match &plan.run_id {
        Some(run_id) => run_id.clone(),
        None => hex::encode(random::<16>()?),
    };
    let now = Timestamp::now();
    let creator = hex::encode(random::<8>()?);
    let record = RunRecord::new(Id::new(plan.class, now, random()?), now, creator);
    let key = format!("{}{}", plan.place.folder(), RunRecord::name(&run_id));
    let bytes = bytes::Bytes::from(record.to_bytes()?);
    match store.create(&key, bytes.clone()).await {
        Ok(()) => {
            store.must_refuse(&key, bytes).await.map_err(Error::into_failure)?;
            Ok(Run { id: record.id, attempt: Attempt::First })
        }
        // Who may create and not overwrite is denied, on some stores, what is there already.
        Err(error) if matches!(error.kind(), Kind::Exists | Kind::Temporary | Kind::Denied) => {
            join(store, &key, &record, plan.run_max_age, error).await
        }
        Err(error) => Err(error.into_failure()),
    }
}

/// The record is there already, or may be: an answer can be lost.
async fn join(
    store: &Store,
    key: &str,
    ours: &RunRecord,
    max_age: Duration,
    why: Error,
) -> anyhow::Result<Run> {
    let bytes = match store.read(key, LIMIT).await {
        Ok(bytes) => bytes,
        Err(_) if why.kind() != Kind::Exists => return Err(why.into_failure()),
        Err(error) => return Err(error.into_failure()),
    };
    let unusable = |text: String| Failure::new(Exit::Corrupt, anyhow::anyhow!(text));
    let found = RunRecord::from_bytes(&bytes)
        .map_err(|error| unusable(format!("{}: {error}", store.location().url(key))))?;
    if found.creator == ours.creator {
        return Ok(Run { id: found.id, attempt: Attempt::First });
    }
    let age = ours.created.duration_since(found.created);
    if age.unsigned_abs() > max_age {
        let why = anyhow::anyhow!(
            "--run-id was used {age:#} ago, for {}: a run has an id of its own, \
             such as its Job's controller-uid, else no further snapshot is ever taken",
            found.id
        );
        return Err(Failure::new(Exit::Usage, why));
    }
    if found.id.class() != ours.id.class() {
        let why = anyhow::anyhow!("--run-id belongs to {}, which is of another class", found.id);
        return Err(Failure::new(Exit::Usage, why));
    }
    tracing::info!(id = %found.id, "joining the run of an earlier attempt");
    Ok(Run { id: found.id, attempt: Attempt::Later(random()?) })
}

/// Random bytes.
pub(crate) fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    Ok(bytes)
}
