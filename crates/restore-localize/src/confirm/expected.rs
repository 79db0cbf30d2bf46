// SPDX-License-Identifier: Apache-2.0
//! What a restored cluster must be: by the marker of one of its members, or by the pin of its generation
//! and the manifest that it names.

use std::path::Path;

use anyhow::anyhow;
use catalogue::by_id;
use sidecar::{Exit, Failure};
use snapshot::{Pin, Pinned, PinnedCluster};

use crate::claims::Claims;
use crate::confirm::plan::ToldBy;
use crate::disk;
use crate::ids;
use crate::marker::Marker;
use crate::resolve::{ClaimsAt, Subject, Wanted};
use crate::voters::Voters;

/// What a restored cluster must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) cluster_id: u64,
    pub(crate) members: Vec<Voter>,
    /// The revision at which it started.
    pub(crate) revision: i64,
    /// The same, where the tool could not raise it: a pin says what was asked for, a marker what was done.
    pub(crate) unraised: i64,
    /// The keys that lived there.
    pub(crate) keys: u64,
}

/// A member of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Voter {
    pub(crate) name: String,
    pub(crate) id: u64,
}

/// Where it started.
struct Start {
    revision: i64,
    unraised: i64,
    keys: u64,
}

impl Expected {
    fn new(cluster: &PinnedCluster, from: Start) -> anyhow::Result<Self> {
        let Start { revision, unraised, keys } = from;
        let voters = Voters::of(cluster.voters.clone()).ok_or_else(|| bad("it names no voters"))?;
        let member = |(name, urls): (&str, &[String])| Voter {
            name: name.to_owned(),
            id: ids::member_id(urls, &cluster.token),
        };
        let members = voters.iter().map(member).collect();
        let cluster_id = ids::cluster_id(&voters, &cluster.token);
        Ok(Self { cluster_id, members, revision, unraised, keys })
    }

    /// What etcd's tool could do: that of 3.4 need not know how to raise revisions.
    pub(crate) fn able(self, version: &str) -> Self {
        match version.starts_with("3.4.") {
            true => Self { revision: self.unraised, ..self },
            false => self,
        }
    }

    /// By what there is.
    ///
    /// # Errors
    /// [`Exit::Usage`] where nothing tells; [`Exit::Corrupt`] for what contradicts itself; the store's.
    pub(crate) async fn of(told: &ToldBy) -> anyhow::Result<Self> {
        if let Some(data_dir) = &told.data_dir
            && let Some(marker) = marker(data_dir, told.generation.as_deref())?
        {
            let (revision, keys) = (marker.revision, marker.live_keys);
            return Self::new(&marker.cluster, Start { revision, unraised: revision, keys });
        }
        match (&told.pin, &told.generation) {
            (Some((claims, wanted)), Some(generation)) => pinned(claims, generation, wanted).await,
            _ => Err(untold(
                "no restored member lies in --data-dir, and --claims with --generation is not given",
            )),
        }
    }
}

fn marker(data_dir: &Path, generation: Option<&str>) -> anyhow::Result<Option<Marker>> {
    let read = Marker::read(data_dir);
    let marker = read.map_err(|error| disk::failed("cannot be read", data_dir, &error))?;
    let is_other = |marker: &Marker| generation.is_some_and(|it| it != marker.generation);
    match marker {
        Some(marker) if is_other(&marker) => Err(bad(&format!(
            "{} holds generation {}, not {}",
            data_dir.display(),
            marker.generation,
            generation.unwrap_or_default()
        ))),
        marker => Ok(marker),
    }
}

async fn pinned(claims: &ClaimsAt, generation: &str, wanted: &Wanted) -> anyhow::Result<Expected> {
    let claims = Claims::open(claims, generation)?;
    let pin = claims.pin().await?;
    let pin =
        pin.ok_or_else(|| bad(&format!("{} has no pin: nothing was restored", claims.url())))?;
    let Pin { what, cluster: Some(cluster), .. } = pin else {
        return Err(bad("the pin names no cluster"));
    };
    let (id, sha256) = match what {
        Pinned::Snapshot { snapshot, manifest_sha256 } => (snapshot, manifest_sha256),
        Pinned::Object { .. } => {
            return Err(untold(
                "the pin is of an object without manifest: give --data-dir of a member",
            ));
        }
    };
    let Subject::Snapshot { place, .. } = &wanted.subject else {
        return Err(untold("the pin is of a snapshot: give --namespace and --cluster"));
    };
    let store = store::open(&wanted.from, &wanted.settings).map_err(store::Error::into_failure)?;
    let selected = by_id(&store, place, &id).await?;
    if sha256.is_some_and(|sha256| sha256 != selected.sha256) {
        return Err(bad(&format!("the manifest of {id} is not the one that was restored")));
    }
    let facts = selected.manifest.facts.etcd.ok_or_else(|| bad("the manifest is of no etcd"))?;
    let bump = i64::try_from(cluster.bump).unwrap_or(i64::MAX);
    let (unraised, keys) = (facts.revision, facts.live_keys);
    Expected::new(&cluster, Start { revision: unraised.saturating_add(bump), unraised, keys })
}

fn bad(why: &str) -> anyhow::Error {
    Failure::new(Exit::Corrupt, anyhow!("{why}"))
}

fn untold(why: &str) -> anyhow::Error {
    Failure::new(Exit::Usage, anyhow!("{why}"))
}
