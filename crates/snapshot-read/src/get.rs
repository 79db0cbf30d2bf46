// SPDX-License-Identifier: Apache-2.0
//! One snapshot's content into a file: verified while it is written, whole or not there.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use catalogue::{Broken, fetch};
use serde_json::json;
use sidecar::{Exit, Failure, Outcome};
use snapshot::{Manifest, Place};
use store::Store;

use crate::args::{GetPlan, Which};

pub(crate) async fn get(plan: GetPlan) -> anyhow::Result<Outcome> {
    let store = plan.from.open()?;
    let manifest = find(&store, &plan.place, &plan).await?;
    let folder = folder_of(&plan.file);
    room(&folder, manifest.content.bytes)?;
    let file = tempfile::Builder::new().prefix(".pilotfish-").tempfile_in(&folder);
    let file = file.map_err(|error| no_file(&folder, error))?;
    let sink = file.as_file().try_clone()?;
    let fetched =
        fetch(&store, &plan.place, &manifest, plan.identities, sink).await.map_err(failure)?;
    file.as_file().sync_all().map_err(|error| failure(Broken::Sink(error)))?;
    let shown = plan.file.display();
    file.persist_noclobber(&plan.file)
        .with_context(|| format!("{shown} cannot be made"))
        .map_err(|error| Failure::new(Exit::Usage, error))?;
    std::fs::File::open(&folder)?.sync_all()?;
    let bytes = fetched.content.bytes;
    let sentence = format!("{} is in {shown}: {bytes} bytes, verified", manifest.id);
    let facts = json!({"id": manifest.id, "bytes": bytes, "sha256": fetched.content.sha256});
    Ok(Outcome::done(sentence).with(facts))
}

/// The snapshot that is asked for, never another one.
async fn find(store: &Store, place: &Place, plan: &GetPlan) -> anyhow::Result<Manifest> {
    let bad = |text: String| Failure::new(Exit::Corrupt, anyhow!(text));
    if let Which::Id(id) = plan.which {
        let found = catalogue::manifest(store, place, &id).await;
        let found = found.map_err(store::Error::into_failure)?;
        return found.map_err(|strange| bad(format!("{}: {}", strange.key, strange.why)));
    }
    let shelf = catalogue::read_place(store, place).await.map_err(store::Error::into_failure)?;
    if let Some(strange) = shelf.unreadable.first() {
        let (key, why) = (&strange.key, &strange.why);
        return Err(bad(format!("which one is the latest cannot be told: {key}: {why}")));
    }
    let is_meant = |it: &Manifest| {
        plan.class.is_none_or(|class| class == it.class)
            && plan.before.is_none_or(|before| it.time() < before)
    };
    let url = store.location().url(&place.folder());
    let found = shelf.manifests.into_iter().find(is_meant);
    found.ok_or_else(|| bad(format!("{url} has no such snapshot")))
}

fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

fn room(folder: &Path, bytes: u64) -> anyhow::Result<()> {
    let shown = folder.display();
    let about = rustix::fs::statvfs(folder)
        .with_context(|| format!("{shown}"))
        .map_err(|error| Failure::new(Exit::Usage, error))?;
    let free = about.f_bavail.saturating_mul(about.f_frsize);
    if free >= bytes {
        return Ok(());
    }
    let why = anyhow!("{shown} has {free} bytes left and the snapshot has {bytes}");
    Err(Failure::new(Exit::Temporary, why))
}

/// A full disk may have room later; a folder in which nothing may be made is the caller's mistake.
fn no_file(folder: &Path, error: io::Error) -> anyhow::Error {
    let exit = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Exit::Temporary,
        _ => Exit::Usage,
    };
    let shown = folder.display();
    Failure::new(exit, anyhow!("{shown}: no file can be made there: {error}"))
}

/// With the exit code it deserves.
pub(crate) fn failure(broken: Broken) -> anyhow::Error {
    match broken {
        Broken::Store(error) => error.into_failure(),
        Broken::Content(_) => Failure::new(Exit::Corrupt, broken),
        Broken::Sealed(_) => Failure::new(Exit::Denied, broken),
        Broken::Sink(_) => Failure::new(Exit::Temporary, broken),
    }
}
