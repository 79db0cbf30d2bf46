// SPDX-License-Identifier: Apache-2.0
//! One member's restore: from what is asked for to a live member, or to a volume as it was.

use std::path::Path;
use std::sync::Arc;

use etcd_image::{Facts, TrailerMode};
use jiff::Timestamp;
use serde_json::json;
use sidecar::{Halt, Outcome, Stop, build_info};
use snapshot::{PinnedCluster, Tool as Maker};

use crate::bind::{self, Binding, Bound, Seen, bind};
use crate::check::{self, Checked, Expected};
use crate::claims::Claims;
use crate::commit;
use crate::download::{Downloaded, download};
use crate::ids;
use crate::marker::Marker;
use crate::peers;
use crate::progress::Progress;
use crate::resolve::{Job, Settled};
use crate::room;
use crate::staging::Staging;
use crate::steps::{Step, Walk, Watch, told};
use crate::tool::{Making, Tool};
use crate::verify;
use crate::volume::{self, Look, Volume};
use crate::voters::Voters;
use crate::warnings::{Known, warnings};

/// What a volume needs.
enum Taken {
    Ours(Volume),
    /// Another run has restored it.
    Settled(Settled),
}

/// A voter's part in a generation.
enum Part {
    /// It is made of the snapshot.
    Restored,
    /// It was let in empty.
    Rejoins,
}

/// Restores this member, or says why nothing is to be done.
///
/// # Errors
/// The volume is as it was then, or holds a whole restore; the exit code says what to do.
pub(crate) async fn restore(job: Job, stop: Stop) -> anyhow::Result<Outcome> {
    Box::pin(watched(job, stop, told())).await
}

/// As [`restore`], with somebody who is told of each step.
pub(crate) async fn watched(job: Job, stop: Stop, watch: Watch) -> anyhow::Result<Outcome> {
    let walk = Walk::new(Halt::new(stop, job.deadline), watch);
    let (data_dir, generation) = (&job.member.data_dir, &job.generation.id);
    match walk.step(Step::Look, async { volume::look(data_dir, generation) }).await? {
        Look::Absent | Look::Empty => {}
        Look::Populated(what) => {
            return match walk.step(Step::Pin, joined(&job)).await? {
                Some(voters) => stranger(&job, &voters),
                None => Err(volume::populated(data_dir, &what, generation)),
            };
        }
        look => return Ok(Settled::new(data_dir, generation, look).outcome()),
    }
    let claims = claims(&job)?;
    let bound = match walk.step(Step::Pin, bind(&job, claims.as_ref(), Binding::Make)).await? {
        Seen::Bound(bound) => bound,
        Seen::Stranger(voters) => return stranger(&job, &voters),
    };
    match walk.step(Step::Claims, part(&job, &bound, claims.as_ref())).await? {
        Part::Restored => {}
        Part::Rejoins => return rejoins(&job),
    }
    walk.step(Step::Peers, alone(&job, &bound)).await?;
    let tool = walk.step(Step::Tool, able(&job, &bound)).await?;
    let volume = match walk.step(Step::Volume, async { take(&job) }).await? {
        Taken::Ours(volume) => volume,
        Taken::Settled(settled) => return Ok(settled.outcome()),
    };
    walk.step(Step::Clean, async { volume.clean() }).await?;
    let content = bound.data.content_bytes();
    walk.step(Step::Room, async { room::enough(&volume.data_dir, content) }).await?;
    let staging = Staging::new(&volume, &job.generation.id)?;
    let downloaded = walk.step(Step::Download, fetch(&job, &bound, &staging)).await?;
    let facts = walk.step(Step::Make, make(&job, &bound, &tool, &staging, downloaded)).await?;
    let checked = walk.step(Step::Check, check(&bound, &tool, &staging, &facts)).await?;
    let marker = marker(&job, &bound, &tool, &checked, &volume);
    walk.step(Step::Mark, async { commit::mark(&staging, &marker) }).await?;
    let synced = walk.step(Step::Sync, commit::sync(&staging)).await?;
    let name = &job.member.name;
    let claimed =
        walk.last(Step::Claim, commit::claim(synced, claims.as_ref(), name, &volume)).await?;
    walk.last(Step::Swap, async { commit::swap(claimed, &volume) }).await?;
    let tidied = async {
        drop(staging);
        Ok(())
    };
    walk.last(Step::Tidy, tidied).await?;
    Ok(done(&job, &bound, &marker, &tool, &facts))
}

fn take(job: &Job) -> anyhow::Result<Taken> {
    let volume = Volume::take(&job.member.data_dir)?;
    // Another run may have finished before the volume was ours.
    Ok(settled(job)?.map_or(Taken::Ours(volume), Taken::Settled))
}

fn settled(job: &Job) -> anyhow::Result<Option<Settled>> {
    let (data_dir, generation) = (&job.member.data_dir, &job.generation.id);
    match volume::look(data_dir, generation)? {
        look @ (Look::Restored(_) | Look::Rejoined) => {
            Ok(Some(Settled::new(data_dir, generation, look)))
        }
        Look::Populated(what) => Err(volume::populated(data_dir, &what, generation)),
        Look::Absent | Look::Empty => Ok(None),
    }
}

pub(crate) fn claims(job: &Job) -> anyhow::Result<Option<Claims>> {
    let at = job.generation.claims.as_ref();
    at.map(|at| Claims::open(at, &job.generation.id)).transpose()
}

/// Data on the volume is the member's own, if it joined after the restore: the voters it joined. Where the
/// claims cannot be read, nothing shows that it did.
async fn joined(job: &Job) -> anyhow::Result<Option<Voters>> {
    let claims = claims(job).ok().flatten();
    Ok(bind::stranger(job, claims.as_ref()).await.ok().flatten())
}

/// Whether this member is made for the first time.
async fn part(job: &Job, bound: &Bound, claims: Option<&Claims>) -> anyhow::Result<Part> {
    let (name, generation) = (&job.member.name, &job.generation.id);
    let Some(claims) = claims else { return Ok(Part::Restored) };
    let Some(claim) = claims.of(name).await? else { return Ok(Part::Restored) };
    // A volume without a nonce is none that was ever claimed.
    match volume::nonce(&job.member.data_dir)? {
        Some(nonce) if nonce == claim.volume => Ok(Part::Restored),
        Some(nonce) if claims.has_rejoined(name, &nonce).await? => Ok(Part::Rejoins),
        _ => Err(commit::lost(name, &job.member.urls, &bound.cluster.token, generation)),
    }
}

/// A pin does not change, so this is noted: what the member will have on its volume is its own, and it must start
/// again when the claims cannot be read.
fn stranger(job: &Job, voters: &Voters) -> anyhow::Result<Outcome> {
    Volume::take(&job.member.data_dir)?.note_rejoined(&job.generation.id)?;
    let (name, generation, voters) = (&job.member.name, &job.generation.id, voters.len());
    Ok(untouched(
        job,
        format!(
            "{name} is none of the {voters} members that generation {generation} restores: it joins by itself, its data is left alone"
        ),
    ))
}

/// From now on without asking.
fn rejoins(job: &Job) -> anyhow::Result<Outcome> {
    Volume::take(&job.member.data_dir)?.note_rejoined(&job.generation.id)?;
    let name = &job.member.name;
    Ok(untouched(
        job,
        format!("{name} was let in empty after its first volume was lost: it joins by itself"),
    ))
}

fn untouched(job: &Job, sentence: String) -> Outcome {
    Outcome::done(sentence).with(json!({"generation": job.generation.id, "changed": false}))
}

/// That nobody of another cluster lives at the members' addresses.
pub(crate) async fn alone(job: &Job, bound: &Bound) -> anyhow::Result<()> {
    let everybody = job.member.listed.voters.with(&bound.voters);
    let living = peers::living(&everybody, &job.member.name, &job.member.peers).await?;
    peers::none_foreign(&living, bound.cluster_id())
}

/// etcd's tool, if it is new enough.
async fn able(job: &Job, bound: &Bound) -> anyhow::Result<Tool> {
    let tool = Tool::find(job.member.tool.as_deref()).await?;
    let told = bound.data.manifest().and_then(verify::version_told);
    verify::not_newer(told, tool.version)?;
    Ok(tool)
}

async fn fetch(job: &Job, bound: &Bound, staging: &Staging) -> anyhow::Result<Downloaded> {
    let progress = Arc::new(Progress::default());
    let identity_file = job.wanted.identity_file.as_deref();
    let fetching = download(&bound.data, identity_file, staging.download(), Arc::clone(&progress));
    let downloaded = Box::pin(progress.show(fetching)).await?;
    let bytes = downloaded.content.bytes;
    tracing::info!(snapshot = bound.data.name(), bytes, "downloaded, and its digests are right");
    Ok(downloaded)
}

/// Both at once: what the tool makes of a snapshot that turns out bad is only staging.
async fn make(
    job: &Job,
    bound: &Bound,
    tool: &Tool,
    staging: &Staging,
    downloaded: Downloaded,
) -> anyhow::Result<Facts> {
    let into = staging.data_dir();
    let making = Making {
        snapshot: &downloaded.path,
        into: &into,
        name: &job.member.name,
        urls: &job.member.urls,
        voters: &bound.voters,
        token: &bound.cluster.token,
        bump: tool.able(bound.bump()),
        trailer: bound.data.trailer_sum(),
    };
    // A snapshot that is no good ends the tool; a tool that fails hears first whether the snapshot is.
    let made = async { anyhow::Ok(tool.make(&making).await) };
    let (facts, made) = tokio::try_join!(judge(bound, tool, &downloaded.path), made)?;
    made?;
    // Its room is the WAL's now.
    std::fs::remove_file(&downloaded.path)?;
    Ok(facts)
}

/// Reads the snapshot's database: what it is, and that its manifest said so.
async fn judge(bound: &Bound, tool: &Tool, snapshot: &Path) -> anyhow::Result<Facts> {
    let facts = verify::describe(snapshot.to_owned(), TrailerMode::Expected).await?;
    verify::as_told(&facts, bound.data.manifest())?;
    verify::not_newer(verify::version_of(&facts), tool.version)?;
    Ok(facts)
}

async fn check(
    bound: &Bound,
    tool: &Tool,
    staging: &Staging,
    facts: &Facts,
) -> anyhow::Result<Checked> {
    let expected = Expected {
        snapshot: facts,
        voters: &bound.voters,
        token: &bound.cluster.token,
        bump: tool.able(bound.bump()),
        tool,
    };
    let member = staging.member();
    // The disk works meanwhile: what is found bad is only staging.
    let (checked, _) = tokio::join!(check::check(&member, &expected), commit::sync_ahead(&member));
    checked
}

fn marker(job: &Job, bound: &Bound, tool: &Tool, checked: &Checked, volume: &Volume) -> Marker {
    let bump = tool.able(bound.bump()).by();
    let build = build_info("restore-localize");
    Marker {
        generation: job.generation.id.clone(),
        what: bound.what.clone(),
        name: job.member.name.clone(),
        cluster: PinnedCluster { bump, ..bound.cluster.clone() },
        cluster_id: ids::shown(bound.cluster_id()),
        member_id: ids::shown(ids::member_id(&job.member.urls, &bound.cluster.token)),
        revision: checked.revision,
        live_keys: checked.live_keys,
        volume: volume.nonce.clone(),
        restored: Timestamp::now(),
        tool: Maker { version: build.version.to_owned(), commit: build.commit.to_owned() },
    }
}

/// The last word.
fn done(job: &Job, bound: &Bound, marker: &Marker, tool: &Tool, facts: &Facts) -> Outcome {
    let known = Known {
        bytes: facts.image_bytes,
        facts: Some(facts.into()),
        has_manifest: bound.data.manifest().is_some(),
    };
    let warnings = warnings(&known, job, Some(tool));
    for warning in &warnings {
        tracing::warn!(warning, "to know");
    }
    let name = &job.member.name;
    let (snapshot, keys, revision) = (bound.data.name(), marker.live_keys, marker.revision);
    let mut sentence =
        format!("{name} is restored from {snapshot}: {keys} keys at revision {revision}");
    if let Some(first) = warnings.first() {
        sentence.push_str(&format!("; to know: {first}"));
    }
    Outcome::done(sentence).with(json!({
        "generation": job.generation.id,
        "changed": true,
        "what": bound.what,
        "cluster_id": marker.cluster_id,
        "member_id": marker.member_id,
        "revision": revision,
        "live_keys": keys,
        "warnings": warnings,
    }))
}
