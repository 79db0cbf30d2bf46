// SPDX-License-Identifier: Apache-2.0
//! A member whose volume was lost after the restore: it can never be made again of the snapshot, for the
//! others have moved on. It joins empty, under a new id, and that is recorded.

use anyhow::anyhow;
use serde_json::json;
use sidecar::{Exit, Failure, Halt, Outcome, Stop};
use snapshot::{Pin, PinnedCluster};

use crate::claims::Claims;
use crate::commit;
use crate::ids;
use crate::peers::{self, Living};
use crate::resolve::{Job, Settled};
use crate::restore::claims;
use crate::volume::{self, Look, Volume};
use crate::voters::Voters;

/// Records the new volume, once the living members have let this one in.
///
/// # Errors
/// [`Exit::Corrupt`] with what is still to be done; [`Exit::Unavailable`] if nobody lives; the store's.
pub(crate) async fn rejoin(job: Job, stop: Stop) -> anyhow::Result<Outcome> {
    Halt::new(stop, job.deadline).or(record(&job)).await
}

async fn record(job: &Job) -> anyhow::Result<Outcome> {
    let (data_dir, generation, name) = (&job.member.data_dir, &job.generation.id, &job.member.name);
    match volume::look(data_dir, generation)? {
        look @ (Look::Restored(_) | Look::Rejoined) => {
            return Ok(Settled::new(data_dir, generation, look).outcome());
        }
        Look::Populated(what) => return Err(volume::populated(data_dir, &what, generation)),
        Look::Absent | Look::Empty => {}
    }
    let claims = claims(job)?.ok_or_else(|| refused("rejoin needs --claims".to_owned()))?;
    let cluster = pinned(&claims, generation).await?;
    let volume = Volume::take(data_dir)?;
    is_lost(job, &claims, &volume).await?;
    let voters = Voters::of(cluster.voters.clone())
        .ok_or_else(|| refused("the pin has an empty list of voters".to_owned()))?;
    let everybody = job.member.listed.voters.with(&voters);
    let living = peers::living(&everybody, name, &job.member.peers).await?;
    peers::none_foreign(&living, ids::cluster_id(&voters, &cluster.token))?;
    is_let_in(job, &living, &cluster.token)?;
    claims.note_rejoined(name, &volume.nonce).await?;
    volume.note_rejoined(generation)?;
    let sentence = format!(
        "{name} may join generation {generation} empty: start etcd with --initial-cluster-state=existing"
    );
    Ok(Outcome::done(sentence).with(json!({"generation": generation, "volume": volume.nonce})))
}

async fn pinned(claims: &Claims, generation: &str) -> anyhow::Result<PinnedCluster> {
    let cluster = claims.pin().await?.and_then(|pin: Pin| pin.cluster);
    let url = claims.url();
    cluster.ok_or_else(|| {
        refused(format!("generation {generation} was never restored: {url} has no pin"))
    })
}

/// Only a member that was made on another volume has anything to rejoin.
async fn is_lost(job: &Job, claims: &Claims, volume: &Volume) -> anyhow::Result<()> {
    let name = &job.member.name;
    match claims.of(name).await? {
        Some(claim) if claim.volume != volume.nonce => Ok(()),
        Some(_) => {
            Err(refused(format!("{name} was claimed by this very volume: run the restore again")))
        }
        None => Err(refused(format!(
            "{name} was never restored in generation {}: run the restore",
            job.generation.id
        ))),
    }
}

/// The living members must have put the lost one out, and know the new one.
fn is_let_in(job: &Job, living: &[Living], token: &str) -> anyhow::Result<()> {
    let (name, urls) = (&job.member.name, &job.member.urls);
    let Some(peer) = living.first() else {
        let why =
            anyhow!("no other member answers: if they are gone for good, set a new --generation");
        return Err(Failure::new(Exit::Unavailable, why));
    };
    let old = ids::member_id(urls, token);
    let has_old = peer.members.iter().any(|member| member.id == old);
    let is_new = |urls_of: &[String]| urls_of.iter().any(|url| urls.contains(url));
    let is_added = peer
        .members
        .iter()
        .any(|member| member.id != old && member.name.is_empty() && is_new(&member.peer_urls));
    if !has_old && is_added {
        return Ok(());
    }
    tracing::debug!(peer = peer.url, has_old, is_added, "not let in");
    Err(commit::lost(name, urls, token, &job.generation.id))
}

fn refused(why: String) -> anyhow::Error {
    Failure::new(Exit::Corrupt, anyhow!(why))
}
