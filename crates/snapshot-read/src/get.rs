// SPDX-License-Identifier: Apache-2.0
//! One snapshot's content into a file: verified while it is written, whole or not there.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use catalogue::{Broken, fetch, select};
use serde_json::json;
use sidecar::{Exit, Failure, Outcome};

use crate::args::GetPlan;

pub(crate) async fn get(plan: GetPlan) -> anyhow::Result<Outcome> {
    let store = plan.from.open()?;
    let manifest = select(&store, &plan.place, &plan.ask).await?.manifest;
    let folder = folder_of(&plan.file);
    room(&folder, manifest.content.bytes)?;
    let file = tempfile::Builder::new().prefix(".pilotfish-").tempfile_in(&folder);
    let file = file.map_err(|error| no_file(&folder, error))?;
    let sink = file.as_file().try_clone()?;
    let fetched = fetch(&store, &plan.place, &manifest, plan.identities, sink)
        .await
        .map_err(Broken::into_failure)?;
    file.as_file().sync_all().map_err(|error| Broken::Sink(error).into_failure())?;
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
