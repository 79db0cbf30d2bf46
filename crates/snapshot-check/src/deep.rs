// SPDX-License-Identifier: Apache-2.0
//! The bytes themselves: downloaded, hashed, decoded, and the content read.

use std::fs::File;
use std::io;

use catalogue::{Broken, fetch};
use etcd_image::Options;
use snapshot::{EtcdFacts, Manifest, Place};
use store::Store;

use crate::args::Plan;
use crate::finding::{Finding, Level};

/// Reads as many as asked for, newest first. What is good is told too: it was worth a download.
pub(crate) async fn read(
    plan: &Plan,
    store: &Store,
    place: &Place,
    manifests: &[Manifest],
) -> Vec<Finding> {
    let Some(deep) = plan.deep else { return vec![] };
    let mut findings = Vec::new();
    for manifest in manifests.iter().take(deep.count()) {
        let (level, what) = one(plan, store, place, manifest).await;
        findings.push(Finding::new(level, Some(manifest.id.to_string()), what));
    }
    findings
}

async fn one(plan: &Plan, store: &Store, place: &Place, manifest: &Manifest) -> (Level, String) {
    let is_sealed = !manifest.object.encoding.is_empty()
        && manifest.object.encoding.contains(&snapshot::Encoding::Age);
    if is_sealed && plan.identities.is_none() {
        return stored_only(store, place, manifest).await;
    }
    let file = match tempfile::tempfile() {
        Ok(file) => file,
        Err(error) => return (Level::Unknown, format!("no file can be made for it: {error}")),
    };
    let sink = match file.try_clone() {
        Ok(sink) => sink,
        Err(error) => return (Level::Unknown, error.to_string()),
    };
    match fetch(store, place, manifest, plan.identities.clone(), sink).await {
        Err(broken) => judge(&broken),
        Ok(_) => match &manifest.facts.etcd {
            None => (Level::Good, "its digests are right".to_owned()),
            Some(said) => etcd(file, said.clone()).await,
        },
    }
}

/// Without a key the stored bytes are all that can be judged.
async fn stored_only(store: &Store, place: &Place, manifest: &Manifest) -> (Level, String) {
    let key = catalogue::data_key(place, manifest);
    match catalogue::fetch_raw(store, &key, io::sink()).await {
        Err(broken) => judge(&broken),
        Ok(fetched) if fetched.stored.sha256 != manifest.object.sha256 => {
            (Level::Bad, "the digest of its stored bytes is not what its manifest says".to_owned())
        }
        Ok(_) => {
            let what = "its stored bytes are right; its content is encrypted and was not read";
            (Level::Good, what.to_owned())
        }
    }
}

fn judge(broken: &Broken) -> (Level, String) {
    let level = match broken {
        Broken::Content(_) => Level::Bad,
        Broken::Store(error) if error.kind() == store::Kind::Missing => Level::Bad,
        _ => Level::Unknown,
    };
    (level, broken.to_string())
}

/// The content must be what the manifest says of it.
async fn etcd(file: File, said: EtcdFacts) -> (Level, String) {
    let read = tokio::task::spawn_blocking(move || {
        etcd_image::verify_trailer(&file)?;
        let hash_revision = Some(said.hash_kv.revision);
        let facts = etcd_image::describe(&file, &Options { hash_revision, ..Options::default() })?;
        Ok::<_, etcd_image::Error>((facts, said))
    });
    match read.await {
        Err(error) => (Level::Unknown, error.to_string()),
        Ok(Err(error @ etcd_image::Error::Io(_))) => (Level::Unknown, error.to_string()),
        Ok(Err(error)) => (Level::Bad, error.to_string()),
        Ok(Ok((is, said))) => {
            let same = is.revision == said.revision
                && is.live_keys == said.live_keys
                && is.hash_kv.hash == said.hash_kv.hash;
            match same {
                true => {
                    let (revision, keys) = (is.revision, is.live_keys);
                    (Level::Good, format!("read whole: revision {revision}, {keys} keys"))
                }
                false => (Level::Bad, "its content is not what its manifest says of it".to_owned()),
            }
        }
    }
}
