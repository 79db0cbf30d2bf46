// SPDX-License-Identifier: Apache-2.0
//! One run: from a source to a committed snapshot, or to nothing.

use std::pin::pin;
use std::sync::Arc;

use anyhow::anyhow;
use jiff::Timestamp;
use serde_json::json;
use sidecar::{Exit, Failure, Halt, Outcome, Stop, build_info};
use snapshot::{Manifest, Object, Taken, Tool};
use store::{Kind, Parts, Proof, Staged, Store};

use crate::adopt;
use crate::commit::{self, Committed};
use crate::follow::{Followed, follow};
use crate::plan::{Plan, SourcePlan};
use crate::progress::Progress;
use crate::run::{self, Run};
use crate::source::{self, Fed};

/// Takes, verifies and commits one snapshot.
///
/// # Errors
/// Nothing was committed then, or it is not known; the exit code says what to do.
pub(crate) async fn upload(plan: Plan, stop: Stop) -> anyhow::Result<Outcome> {
    let halt = Halt::new(stop, plan.deadline);
    let store = store::open(&plan.to, &plan.settings).map_err(store::Error::into_failure)?;
    let run = halt.or(run::begin(&store, &plan)).await?;
    if let Some(manifest) = halt.or(commit::earlier(&store, &plan.place, &run.id)).await? {
        return Ok(told(
            &store,
            &plan,
            &manifest,
            "was committed by an earlier attempt of this run",
        ));
    }
    let (manifest, staged) = match &plan.source {
        SourcePlan::Adopt { key, expected } => {
            let manifest = halt.or(adopt::examine(&store, &plan, &run, key, *expected)).await?;
            (manifest, None)
        }
        _ => {
            let (manifest, staged) = Box::pin(stage(&store, &plan, &run, &halt)).await?;
            (manifest, Some(staged))
        }
    };
    publish(&store, &plan, manifest, staged).await
}

/// From the source into the store, proven, and not visible yet.
async fn stage(
    store: &Store,
    plan: &Plan,
    run: &Run,
    halt: &Halt,
) -> anyhow::Result<(Manifest, (Staged, Proof))> {
    let progress = Arc::new(Progress::default());
    let start = Timestamp::now();
    let opened = halt.or(source::open(plan)).await?;
    let name = run.data_name(&plan.encoding);
    let parts = Parts::for_object(opened.limit, plan.memory);
    let upload = store.stage(&format!("{}{name}", plan.place.folder()), parts);
    let upload = upload.map_err(store::Error::into_failure)?;
    let (encoding, recipients) = (plan.encoding.clone(), plan.recipients.clone());
    let following =
        follow(opened.spool.reader(), encoding, recipients, upload, Arc::clone(&progress), halt);
    let feeding = halt.or(opened.feed.run(&opened.spool, Arc::clone(&progress)));
    let (fed, followed) = Box::pin(progress.show(both(feeding, following))).await?;
    let taken = Taken { start, end: fed.end };
    if followed.content != fed.content.sha256 {
        give_up(followed.staged).await;
        let why =
            anyhow!("other bytes were uploaded than were verified: is the spool's disk sound?");
        return Err(Failure::new(Exit::Corrupt, why));
    }
    let (bytes, sha256) = (followed.staged.bytes(), followed.staged.sha256());
    let object = Object { key: name, bytes, sha256, encoding: plan.encoding.clone() };
    let manifest = Manifest::new(run.id, fed.source, taken, object, fed.content, tool());
    Ok((manifest.with_facts(fed.facts), (followed.staged, Proof::of(sha256))))
}

/// Both ends, each of which ends the other if it fails.
async fn both(
    feeding: impl Future<Output = anyhow::Result<Fed>>,
    following: impl Future<Output = anyhow::Result<Followed>>,
) -> anyhow::Result<(Fed, Followed)> {
    let (mut feeding, mut following) = (pin!(feeding), pin!(following));
    tokio::select! {
        fed = &mut feeding => match fed {
            Ok(fed) => Ok((fed, following.await?)),
            Err(error) => {
                // The spool is broken now, so the upload gives itself up.
                if let Ok(followed) = following.await {
                    give_up(followed.staged).await;
                }
                Err(error)
            }
        },
        followed = &mut following => match followed {
            Ok(followed) => match feeding.await {
                Ok(fed) => Ok((fed, followed)),
                Err(error) => {
                    give_up(followed.staged).await;
                    Err(error)
                }
            },
            Err(error) => Err(error),
        },
    }
}

async fn give_up(staged: Staged) {
    if let Err(left) = staged.abort().await {
        tracing::warn!(error = %left, "parts of the upload may be left in the store");
    }
}

/// From here on a stop is not heard: what is proven is committed.
async fn publish(
    store: &Store,
    plan: &Plan,
    manifest: Manifest,
    staged: Option<(Staged, Proof)>,
) -> anyhow::Result<Outcome> {
    if let Some((staged, proof)) = staged {
        match commit::earlier(store, &plan.place, &manifest.id).await {
            Ok(None) => {}
            Ok(Some(theirs)) => {
                give_up(staged).await;
                return Ok(told(
                    store,
                    plan,
                    &theirs,
                    "was committed by another attempt meanwhile",
                ));
            }
            Err(error) => {
                give_up(staged).await;
                return Err(error);
            }
        }
        match staged.publish(proof).await {
            Ok(()) => {}
            // No other attempt has this key: a first answer was lost.
            Err(error) if error.kind() == Kind::Exists => {}
            Err(error) => return Err(error.into_failure()),
        }
    }
    match commit::commit(store, &plan.place, &manifest).await? {
        Committed::Ours => Ok(told(store, plan, &manifest, "committed")),
        Committed::Theirs(theirs) => {
            Ok(told(store, plan, &theirs, "was committed by another attempt meanwhile"))
        }
    }
}

/// The last word on a committed snapshot.
fn told(store: &Store, plan: &Plan, manifest: &Manifest, how: &str) -> Outcome {
    let url = store.location().url(&catalogue::data_key(&plan.place, manifest));
    let mut sentence = format!("{} {how}: {} bytes", manifest.id, manifest.content.bytes);
    if manifest.object.bytes != manifest.content.bytes {
        sentence.push_str(&format!(" ({} stored)", manifest.object.bytes));
    }
    let etcd = manifest.facts.etcd.as_ref();
    if let Some(etcd) = etcd {
        let (revision, keys) = (etcd.revision, etcd.live_keys);
        sentence.push_str(&format!(", revision {revision}, {keys} keys"));
        if !etcd.hash_kv.agreed.is_empty() {
            let count = etcd.hash_kv.agreed.len();
            sentence.push_str(&format!(", the same on {count} members"));
        }
    }
    let facts = json!({
        "id": manifest.id,
        "url": url,
        "bytes": manifest.object.bytes,
        "sha256": manifest.object.sha256,
        "content_bytes": manifest.content.bytes,
        "revision": etcd.map(|it| it.revision),
        "live_keys": etcd.map(|it| it.live_keys),
    });
    Outcome::done(sentence).with(facts)
}

/// What writes into manifests that it took them.
pub(crate) fn tool() -> Tool {
    let build = build_info("snapshot-upload");
    Tool { version: build.version.to_owned(), commit: build.commit.to_owned() }
}
