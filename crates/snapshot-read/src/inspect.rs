// SPDX-License-Identifier: Apache-2.0
//! All facts of a file or an object, read from it.

use std::fmt::Write as _;
use std::fs::File;

use anyhow::{Context as _, anyhow};
use catalogue::{fetch, fetch_raw};
use encoding::Identities;
use etcd_image::{Facts, Options};
use serde_json::{Value, json};
use sidecar::{Exit, Failure, Outcome};
use snapshot::{Id, Manifest, Place};
use store::{Location, Scheme, Settings};

use crate::args::{InspectPlan, What};
use crate::get::failure;
use crate::print;

pub(crate) async fn inspect(plan: InspectPlan) -> anyhow::Result<Outcome> {
    let (file, manifest) = match plan.what {
        What::File(path) => {
            let shown = path.display();
            let file = File::open(&path).with_context(|| format!("{shown} cannot be read"));
            let file = file.map_err(|error| Failure::new(Exit::Usage, error))?;
            if !file.metadata()?.is_file() {
                return Err(Failure::new(Exit::Usage, anyhow!("{shown} is not a regular file")));
            }
            (file, None)
        }
        What::Object(at) => object(at.0, at.1, plan.identities).await?,
    };
    let facts = tokio::task::spawn_blocking(move || describe(&file)).await??;
    let text = match plan.json {
        true => format!("{}\n", all(&facts, manifest.as_ref())),
        false => lines(&facts, manifest.as_ref()),
    };
    print(&text)?;
    let (revision, keys) = (facts.revision, facts.live_keys);
    let sentence = format!("a good etcd snapshot: revision {revision}, {keys} keys");
    Ok(Outcome::done(sentence).with(json!({"revision": revision, "live_keys": keys})))
}

fn describe(file: &File) -> anyhow::Result<Facts> {
    let read = || {
        etcd_image::verify_trailer(file)?;
        etcd_image::describe(file, &Options::default())
    };
    read().map_err(|error| {
        let exit = match error {
            etcd_image::Error::Io(_) => Exit::Failed,
            _ => Exit::Corrupt,
        };
        Failure::new(exit, error)
    })
}

/// The object's content in an unlinked file. That of a snapshot of ours is verified by its manifest.
async fn object(
    at: Location,
    settings: Settings,
    identities: Option<Identities>,
) -> anyhow::Result<(File, Option<Manifest>)> {
    let (at, key) = apart(at)?;
    let store = store::open(&at, &settings).map_err(store::Error::into_failure)?;
    let file = tempfile::tempfile()?;
    let sink = file.try_clone()?;
    let Some((place, id)) = snapshot_of(&key) else {
        fetch_raw(&store, &key, sink).await.map_err(failure)?;
        return Ok((file, None));
    };
    // The place's folder lies below a prefix of its own.
    let prefix = key.split_once(&place.folder()).map_or("", |(prefix, _)| prefix);
    let prefix = prefix.trim_end_matches('/').to_owned();
    let store = match at.scheme {
        Scheme::File => {
            let prefix = format!("{}/{prefix}", at.prefix).trim_end_matches('/').to_owned();
            store::open(&Location { prefix, ..at }, &settings)
        }
        _ => store::open(&Location { prefix, ..at }, &settings),
    };
    let store = store.map_err(store::Error::into_failure)?;
    let found = catalogue::manifest(&store, &place, &id).await;
    let found = found.map_err(store::Error::into_failure)?;
    let manifest = found.map_err(|strange| {
        Failure::new(Exit::Corrupt, anyhow!("{}: {}", strange.key, strange.why))
    })?;
    fetch(&store, &place, &manifest, identities, sink).await.map_err(failure)?;
    Ok((file, Some(manifest)))
}

/// The root of the store and the key in it.
fn apart(at: Location) -> anyhow::Result<(Location, String)> {
    let usage = || Failure::new(Exit::Usage, anyhow!("the URL names no object"));
    let path = at.prefix.clone();
    if path.is_empty() {
        return Err(usage());
    }
    if at.scheme == Scheme::File {
        // A folder is a store: that of the cluster's namespace, prefix and all, or that of the file.
        let depth = path.split('/').count();
        let keep = depth.saturating_sub(if snapshot_of(&path).is_some() { 3 } else { 1 });
        let parts: Vec<&str> = path.split('/').collect();
        let key = parts[keep..].join("/");
        return Ok((Location { prefix: parts[..keep].join("/"), ..at }, key));
    }
    Ok((Location { prefix: String::new(), ..at }, path))
}

/// Whose snapshot a key belongs to, by its name and its folder.
fn snapshot_of(key: &str) -> Option<(Place, Id)> {
    let mut parts = key.rsplitn(4, '/');
    let (name, cluster, namespace) = (parts.next()?, parts.next()?, parts.next()?);
    let id = match snapshot::entry_of(name) {
        snapshot::Entry::Manifest(id) => id,
        snapshot::Entry::Data(data) => data.id,
        _ => return None,
    };
    Some((Place::new(namespace, cluster).ok()?, id))
}

fn all(facts: &Facts, manifest: Option<&Manifest>) -> Value {
    json!({"etcd": facts, "manifest": manifest})
}

fn lines(facts: &Facts, manifest: Option<&Manifest>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<20}{value}");
    };
    if let Some(manifest) = manifest {
        line("id", manifest.id.to_string());
        line("taken", manifest.time().to_string());
    }
    line("image bytes", facts.image_bytes.to_string());
    line("revision", facts.revision.to_string());
    line("compacted up to", facts.compact_revision.to_string());
    line("live keys", facts.live_keys.to_string());
    line("all entries", facts.total_keys.to_string());
    line("status hash", format!("{:x}", facts.status_hash));
    line("HashKV", format!("{} at {}", facts.hash_kv.hash, facts.hash_kv.revision));
    line(
        "storage version",
        facts.storage_version.clone().unwrap_or_else(|| "before 3.6".to_owned()),
    );
    line("cluster version", facts.cluster_version.clone().unwrap_or_else(|| "-".to_owned()));
    for member in &facts.members {
        line("member", format!("{:x} {} {}", member.id, member.name, member.peer_urls.join(",")));
    }
    line(
        "auth",
        if facts.auth_enabled {
            "on: passwords of then will be asked".to_owned()
        } else {
            "off".to_owned()
        },
    );
    for alarm in &facts.alarms {
        line("alarm", format!("{:?} of {:x}", alarm.kind, alarm.member));
    }
    line("leases", facts.leases.to_string());
    text
}
