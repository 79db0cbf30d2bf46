// SPDX-License-Identifier: Apache-2.0
//! From the store to restored data, with the same parts as a real restore.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use catalogue::by_id;
use etcd_image::TrailerMode;
use sidecar::{Exit, Failure};
use snapshot::{EtcdFacts, Id};
use store::Store;

use crate::bind::{Data, DataForm, choose};
use crate::bump::Bump;
use crate::download::download;
use crate::progress::Progress;
use crate::prove::history;
use crate::prove::plan::ProvePlan;
use crate::prove::proof::Subject as Whose;
use crate::prove::scratch::Scratch;
use crate::prove::server::{NAME, PEER_URL};
use crate::resolve::Subject;
use crate::room;
use crate::tool::{Making, Tool, TrailerSum};
use crate::verify;
use crate::voters::Voters;

/// Where the content lies in the scratch folder.
const SNAPSHOT: &str = "snapshot.db";
/// Strangers to each other by their loopback addresses, so this need not be random.
const TOKEN: &str = "pilotfish-proof";

/// Whose proof it will be.
pub(crate) fn whose(data: &Data) -> Whose {
    match &data.form {
        DataForm::Object { bytes, .. } => Whose { bytes: Some(*bytes), ..Whose::default() },
        DataForm::Snapshot { place, selected } => Whose {
            snapshot: Some(selected.manifest.id),
            place: Some(place.clone()),
            taken: Some(selected.manifest.time()),
            bytes: Some(selected.manifest.content.bytes),
        },
    }
}

/// What is asked for.
///
/// # Errors
/// As of any restore.
pub(crate) async fn asked(plan: &ProvePlan) -> anyhow::Result<Data> {
    choose(&plan.wanted).await
}

/// One more of the same cluster; nothing where no other is kept.
///
/// # Errors
/// Those of the two stores.
pub(crate) async fn one_more(
    plan: &ProvePlan,
    claims: &Store,
    except: Option<Id>,
) -> anyhow::Result<Option<Data>> {
    let (Some(history), Subject::Snapshot { place, .. }) = (&plan.history, &plan.wanted.subject)
    else {
        return Ok(None);
    };
    let store = store::open(&plan.wanted.from, &plan.wanted.settings);
    let store = store.map_err(store::Error::into_failure)?;
    let shelf = catalogue::read_place(&store, place).await.map_err(store::Error::into_failure)?;
    let last = history::last_proofs(claims, &history.target).await;
    let last = last.map_err(store::Error::into_failure)?;
    let Some(id) = history::next(&shelf.manifests, except, &last) else { return Ok(None) };
    let selected = Box::new(by_id(&store, place, &id).await?);
    Ok(Some(Data { store, form: DataForm::Snapshot { place: place.clone(), selected } }))
}

/// Fetches the content, verified, and tells what a restored etcd must hold: what the manifest says; of
/// content without any, what is read in it.
///
/// # Errors
/// [`Exit::Corrupt`] among those of the store and of the disk.
pub(crate) async fn fetch(
    plan: &ProvePlan,
    data: &Data,
    scratch: &Scratch,
) -> anyhow::Result<EtcdFacts> {
    room::enough(&plan.data_dir, data.content_bytes())?;
    let progress = Arc::new(Progress::default());
    let identity_file = plan.wanted.identity_file.as_deref();
    let path = scratch.join(SNAPSHOT);
    let fetching = download(data, identity_file, path.clone(), Arc::clone(&progress));
    Box::pin(progress.show(fetching)).await?;
    match data.manifest().and_then(|manifest| manifest.facts.etcd.clone()) {
        Some(facts) => Ok(facts),
        None => {
            let facts = verify::describe(path, TrailerMode::Expected).await?;
            Ok(EtcdFacts::from(&facts))
        }
    }
}

/// What the snapshot's own alarms mean for it.
///
/// # Errors
/// [`Exit::Corrupt`] if its members held different data.
pub(crate) fn sound(facts: &EtcdFacts, notes: &mut Vec<String>) -> anyhow::Result<()> {
    let has = |name: &str| facts.alarms.iter().any(|alarm| alarm == name);
    if has("CORRUPT") {
        let why = anyhow!(
            "the alarm CORRUPT is in it: the members held different data when it was taken, and a \
             restored etcd serves none of it"
        );
        return Err(Failure::new(Exit::Corrupt, why));
    }
    if has("NOSPACE") {
        notes.push(
            "the alarm NOSPACE is in it: a restored cluster refuses writes until the alarm is disarmed"
                .to_owned(),
        );
    }
    Ok(())
}

/// The image's tool, if it is new enough for the snapshot.
///
/// # Errors
/// [`Exit::Usage`].
pub(crate) async fn tool(plan: &ProvePlan, data: &Data) -> anyhow::Result<Tool> {
    let tool = Tool::find(plan.tool.as_deref()).await?;
    verify::not_newer(data.manifest().and_then(verify::version_told), tool.version)?;
    Ok(tool)
}

/// Restores it as one voter with the revision kept, by the image's tool.
///
/// # Errors
/// [`Exit::Corrupt`] for a snapshot that cannot be read either; [`Exit::Failed`] for another trouble of the tool.
pub(crate) async fn restore(tool: &Tool, scratch: &Scratch) -> anyhow::Result<PathBuf> {
    let (into, snapshot) = (scratch.join("data"), scratch.join(SNAPSHOT));
    let urls = [PEER_URL.to_owned()];
    let making = Making {
        snapshot: &snapshot,
        into: &into,
        name: NAME,
        urls: &urls,
        voters: &Voters::one(NAME, &urls),
        token: TOKEN,
        bump: Bump::Keep,
        trailer: TrailerSum::Tool,
    };
    if let Err(error) = tool.make(&making).await {
        // Is it the snapshot, or the tool?
        verify::describe(snapshot, TrailerMode::Expected).await?;
        return Err(error);
    }
    // Its room is needed no more.
    std::fs::remove_file(&snapshot).map_err(|error| Failure::new(Exit::Temporary, error))?;
    Ok(into)
}

/// The etcd to boot: one image has both.
///
/// # Errors
/// [`Exit::Usage`] where there is none.
pub(crate) fn etcd(plan: &ProvePlan, tool: &Tool) -> anyhow::Result<PathBuf> {
    let etcd = plan.etcd.clone().unwrap_or_else(|| tool.path.with_file_name("etcd"));
    if etcd.is_file() {
        return Ok(etcd);
    }
    let shown = etcd.display();
    let why =
        anyhow!("{shown} is not there: does this run in etcd's image? --etcd says where it is");
    Err(Failure::new(Exit::Usage, why))
}
