// SPDX-License-Identifier: Apache-2.0
//! What a generation is made of: read from its pin, or chosen and pinned, so that `latest` is resolved once.

use anyhow::anyhow;
use catalogue::{Ask, Selected};
use etcd_image::Trailer;
use sidecar::{Exit, Failure};
use snapshot::{Digest, Id, Manifest, Pin, Pinned, PinnedCluster, Place};
use store::{Error, Kind, Location, Store};

use crate::bump::Bump;
use crate::claims::Claims;
use crate::ids;
use crate::resolve::{Job, Subject, Wanted, Who};
use crate::tool::TrailerSum;
use crate::voters::Voters;

/// etcd writes 32 bytes behind an image of whole sectors.
const TRAILER: u64 = 32;
const SECTOR: u64 = 512;
/// Enough to tell what a file is.
const HEAD: u64 = 512;

/// What this generation is made of, for every member alike.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) data: Data,
    pub(crate) what: Pinned,
    pub(crate) voters: Voters,
    pub(crate) cluster: PinnedCluster,
}

/// The data, and the store that it lies in.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) store: Store,
    pub(crate) form: DataForm,
}

/// What is known of it beforehand.
#[derive(Debug)]
pub(crate) enum DataForm {
    Snapshot { place: Place, selected: Box<Selected> },
    Object { key: String, bytes: u64, image_sha256: Digest },
}

/// A generation, as this member sees it.
#[derive(Debug)]
pub(crate) enum Seen {
    /// The member is made of this.
    Bound(Box<Bound>),
    /// The member is none of these voters, and nothing of the generation is needed: the snapshot may be gone.
    Stranger(Voters),
}

/// Which part of the work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    /// A pin that is not there yet is made.
    Make,
    /// Nothing is written.
    Look,
}

impl Bound {
    /// What becomes of revisions.
    pub(crate) fn bump(&self) -> Bump {
        Bump::of(self.cluster.bump)
    }

    pub(crate) fn cluster_id(&self) -> u64 {
        ids::cluster_id(&self.voters, &self.cluster.token)
    }
}

impl Data {
    /// Bytes of the snapshot once it is decoded.
    pub(crate) fn content_bytes(&self) -> u64 {
        match &self.form {
            DataForm::Snapshot { selected, .. } => selected.manifest.content.bytes,
            DataForm::Object { bytes, .. } => *bytes,
        }
    }

    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        match &self.form {
            DataForm::Snapshot { selected, .. } => Some(&selected.manifest),
            DataForm::Object { .. } => None,
        }
    }

    /// Who proves the downloaded file once more.
    pub(crate) fn trailer_sum(&self) -> TrailerSum {
        match self.manifest().is_some_and(|manifest| manifest.facts.etcd.is_some()) {
            true => TrailerSum::Manifest,
            false => TrailerSum::Tool,
        }
    }

    /// For people.
    pub(crate) fn name(&self) -> String {
        match &self.form {
            DataForm::Snapshot { selected, .. } => selected.manifest.id.to_string(),
            DataForm::Object { key, .. } => self.store.location().url(key),
        }
    }

    /// As a pin says it.
    pub(crate) fn pinned(&self) -> Pinned {
        match &self.form {
            DataForm::Snapshot { selected, .. } => Pinned::Snapshot {
                snapshot: selected.manifest.id,
                manifest_sha256: Some(selected.sha256),
            },
            DataForm::Object { image_sha256, .. } => {
                Pinned::Object { object: self.name(), image_sha256: *image_sha256 }
            }
        }
    }
}

/// Obeys the pin, or makes it. Who is none of the voters does neither.
///
/// # Errors
/// [`Exit::Corrupt`] if what is asked for is not there or not as it was pinned; [`Exit::Usage`] if another
/// one is pinned than is asked for; the stores'.
pub(crate) async fn bind(
    job: &Job,
    claims: Option<&Claims>,
    binding: Binding,
) -> anyhow::Result<Seen> {
    let pin = pin(claims).await?;
    if let Some(voters) = strange(job, pin.as_ref()) {
        return Ok(Seen::Stranger(voters));
    }
    if let Some((claims, pin)) = claims.zip(pin) {
        return obey(job, claims, pin).await;
    }
    let data = choose(&job.wanted).await?;
    let pin = Pin::of(data.pinned(), cluster(job)?);
    let Some(claims) = claims.filter(|_| binding == Binding::Make) else {
        return bound(data, pin);
    };
    let won = claims.make_pin(pin.clone()).await?;
    if won == pin {
        tracing::info!(snapshot = data.name(), claims = claims.url(), "pinned");
        return bound(data, pin);
    }
    match strange(job, Some(&won)) {
        Some(voters) => Ok(Seen::Stranger(voters)),
        None => obey(job, claims, won).await,
    }
}

/// The generation's voters, if this member is none of them.
///
/// # Errors
/// The store's.
pub(crate) async fn stranger(job: &Job, claims: Option<&Claims>) -> anyhow::Result<Option<Voters>> {
    Ok(strange(job, pin(claims).await?.as_ref()))
}

async fn pin(claims: Option<&Claims>) -> anyhow::Result<Option<Pin>> {
    match claims {
        Some(claims) => claims.pin().await,
        None => Ok(None),
    }
}

fn strange(job: &Job, pin: Option<&Pin>) -> Option<Voters> {
    let voters = match pin {
        Some(pin) => Voters::of(pin.cluster.as_ref()?.voters.clone())?,
        None => voters(job),
    };
    voters.urls(&job.member.name).is_none().then_some(voters)
}

/// What is asked for, without a pin.
///
/// # Errors
/// As of [`bind`].
pub(crate) async fn choose(wanted: &Wanted) -> anyhow::Result<Data> {
    match &wanted.subject {
        Subject::Snapshot { place, ask } => {
            let store = open(&wanted.from, wanted)?;
            let selected = Box::new(catalogue::select(&store, place, ask).await?);
            Ok(Data { store, form: DataForm::Snapshot { place: place.clone(), selected } })
        }
        Subject::Object => object(wanted).await,
    }
}

/// Who is restored, if no pin says it.
fn voters(job: &Job) -> Voters {
    match job.generation.who {
        Who::Voters => job.member.listed.voters.clone(),
        Who::Genesis => {
            let first = &job.member.listed.first;
            let urls = job.member.listed.voters.urls(first).unwrap_or_default();
            Voters::one(first, urls)
        }
    }
}

/// The cluster that this generation is to make. Its token is its own, so that members of any other one,
/// the source's above all, are strangers to it.
fn cluster(job: &Job) -> anyhow::Result<PinnedCluster> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| anyhow!("no random bytes: {error}"))?;
    let token = format!("pilotfish-{}-{}", job.generation.id, hex::encode(random));
    Ok(PinnedCluster { voters: voters(job).map().clone(), token, bump: job.bump.by() })
}

async fn obey(job: &Job, claims: &Claims, pin: Pin) -> anyhow::Result<Seen> {
    let data = match (&job.wanted.subject, &pin.what) {
        (Subject::Snapshot { place, ask }, Pinned::Snapshot { snapshot, manifest_sha256 }) => {
            let store = open(&job.wanted.from, &job.wanted)?;
            let selected = pinned(&store, place, snapshot, *manifest_sha256, claims).await?;
            admit(job, ask, &selected.manifest)?;
            Data { store, form: DataForm::Snapshot { place: place.clone(), selected } }
        }
        (Subject::Object, Pinned::Object { .. }) => object(&job.wanted).await?,
        _ => return Err(other(job, &what_of(&pin.what))),
    };
    if data.pinned() != pin.what {
        return Err(other(job, &what_of(&pin.what)));
    }
    tracing::info!(snapshot = data.name(), "obeying the pin");
    same_place(job, &pin)?;
    bound(data, pin)
}

fn what_of(what: &Pinned) -> String {
    match what {
        Pinned::Snapshot { snapshot, .. } => snapshot.to_string(),
        Pinned::Object { object, image_sha256 } => format!("{object} (image {image_sha256})"),
    }
}

/// The pinned snapshot, as it was when it was pinned.
async fn pinned(
    store: &Store,
    place: &Place,
    id: &Id,
    sha256: Option<Digest>,
    claims: &Claims,
) -> anyhow::Result<Box<Selected>> {
    let selected = catalogue::by_id(store, place, id).await.map_err(|error| {
        let exit = Failure::exit_of(&error);
        let url = claims.url();
        Failure::new(
            exit,
            anyhow!("{id}, to which {url} pins this generation, cannot be had: {error:#}; if it was deleted, a new --generation chooses anew"),
        )
    })?;
    match sha256 {
        Some(sha256) if sha256 != selected.sha256 => {
            let why = anyhow!(
                "the manifest of {id} is not the one that this generation was pinned to: somebody wrote it anew"
            );
            Err(Failure::new(Exit::Corrupt, why))
        }
        _ => Ok(Box::new(selected)),
    }
}

/// Never silently another one than asked for.
fn admit(job: &Job, ask: &Ask, manifest: &Manifest) -> anyhow::Result<()> {
    match ask.admits(manifest) {
        true => Ok(()),
        false => Err(other(job, &manifest.id.to_string())),
    }
}

fn other(job: &Job, pinned: &str) -> anyhow::Error {
    let generation = &job.generation.id;
    let why = anyhow!(
        "generation {generation} is pinned to {pinned}, which is not what is asked for now: to restore another one, set a new --generation"
    );
    Failure::new(Exit::Usage, why)
}

/// A pinned voter has the place that the pin gives it.
fn same_place(job: &Job, pin: &Pin) -> anyhow::Result<()> {
    let (name, urls) = (&job.member.name, &job.member.urls);
    match pin.cluster.as_ref().and_then(|cluster| cluster.voters.get(name)) {
        Some(pinned) if pinned != urls => {
            let (pinned, urls) = (pinned.join(","), urls.join(","));
            let why = anyhow!(
                "generation {} is pinned with {name} at {pinned}, and this {name} is at {urls}: are these the claims of another cluster?",
                job.generation.id
            );
            Err(Failure::new(Exit::Usage, why))
        }
        _ => Ok(()),
    }
}

fn bound(data: Data, pin: Pin) -> anyhow::Result<Seen> {
    let bad = |why: &str| Failure::new(Exit::Corrupt, anyhow!("the pin {why}"));
    let cluster = pin.cluster.ok_or_else(|| bad("names no voters"))?;
    let voters =
        Voters::of(cluster.voters.clone()).ok_or_else(|| bad("has an empty list of voters"))?;
    Ok(Seen::Bound(Box::new(Bound { data, what: pin.what, voters, cluster })))
}

fn open(at: &Location, wanted: &Wanted) -> anyhow::Result<Store> {
    store::open(at, &wanted.settings).map_err(Error::into_failure)
}

/// An object without a manifest: what it must be is what its own trailer says, whoever reads it.
async fn object(wanted: &Wanted) -> anyhow::Result<Data> {
    let (at, key) = wanted.from.object().ok_or_else(no_object)?;
    let store = open(&at, wanted)?;
    let found = store.stat(&key).await.map_err(|error| hinted(error, &at, &key))?;
    let bytes = found.bytes;
    if bytes % SECTOR != TRAILER || bytes <= TRAILER {
        return Err(no_snapshot(&store, &key, bytes).await);
    }
    let trailer = store.range(&key, bytes - TRAILER..bytes).await.map_err(Error::into_failure)?;
    let mut image_sha256 = Digest([0; 32]);
    image_sha256.0.copy_from_slice(&trailer);
    Ok(Data { store, form: DataForm::Object { key, bytes, image_sha256 } })
}

/// A folder is easily taken for an object.
fn hinted(error: Error, at: &Location, key: &str) -> anyhow::Error {
    let exit = error.exit();
    let why = match error.kind() {
        Kind::Missing => anyhow!(
            "{error}; if snapshots lie below {}, --namespace and --cluster say whose are meant",
            at.url(key)
        ),
        _ => anyhow!(error),
    };
    Failure::new(exit, why)
}

/// Why these bytes are none, as far as the first of them tell.
async fn no_snapshot(store: &Store, key: &str, bytes: u64) -> anyhow::Error {
    let mut trailer = Trailer::new();
    // Of nothing, no range can be asked for.
    if bytes > 0 {
        match store.range(key, 0..bytes.min(HEAD)).await {
            Ok(head) => trailer.update(&head),
            Err(error) => return error.into_failure(),
        }
    }
    let url = store.location().url(key);
    let why = match trailer.finish() {
        Err(error @ etcd_image::Error::NotEtcd { .. }) => anyhow!("{url}: {error}"),
        _ => anyhow!("{url} has {bytes} bytes: no etcd snapshot has so many, its end is missing"),
    };
    Failure::new(Exit::Corrupt, why)
}

fn no_object() -> anyhow::Error {
    let why =
        anyhow!("--from names no object; --namespace and --cluster say whose snapshots are meant");
    Failure::new(Exit::Usage, why)
}
