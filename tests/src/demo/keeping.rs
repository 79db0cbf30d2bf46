// SPDX-License-Identifier: Apache-2.0
//! The second half of the short story: etcd's snapshots through the same proxy, taken, listed,
//! checked, pruned, fetched, judged by etcd's own tool; then etcd's data directory is lost and comes back.

use anyhow::Context;
use serde_json::Value;

use super::cluster::Cluster;
use super::progress::{say, step};
use super::rows::{Goal, Rows};
use super::snapshots::Snapshots;
use super::stage::Stage;

/// Larger than one part of an upload.
const KEYS: usize = 1_000;
const VALUE_BYTES: usize = 16 * 1024;
/// How many of them change from one snapshot to the next.
const CHANGED: usize = 100;
const SNAPSHOTS: u64 = 3;

/// What was seen on the way.
pub(super) struct Kept {
    taken: u64,
    left: u64,
    newest: Value,
    agreement: String,
    came_back: String,
    failed: u64,
}

pub(super) fn tell(stage: &Stage) -> anyhow::Result<Kept> {
    let before = stage.store.counts().failed;
    let snapshots = stage.snapshots()?;
    let cluster = filled()?;
    let endpoint = cluster.endpoint()?;
    let upload = || snapshots.upload(&endpoint);
    told("snapshot-upload etcd, through the proxy", upload)?;
    told("snapshot-read list", || snapshots.list())?;
    told("snapshot-check --deep all", || snapshots.check())?;
    for _ in 1..SNAPSHOTS {
        cluster.put(CHANGED, VALUE_BYTES)?;
        told("snapshot-upload etcd once more, after changes", upload)?;
    }
    let taken = snapshots.manifests()?.len() as u64;
    told("snapshot-prune --keep-last 1 --min-keep 1 --apply", || snapshots.prune())?;
    let manifests = snapshots.manifests()?;
    let newest = manifests.first().context("no snapshot is left")?.clone();
    let file = stage.path("latest.db");
    told("snapshot-read get latest", || snapshots.get_latest(&file))?;
    let agreement = told_by_etcd(&cluster, &file, &newest)?;
    let came_back = lost_and_back(&cluster, &snapshots)?;
    let failed = stage.store.counts().failed - before;
    Ok(Kept { taken, left: manifests.len() as u64, newest, agreement, came_back, failed })
}

/// `yes`, or that what came back is something else.
fn lost_and_back(cluster: &Cluster, snapshots: &Snapshots) -> anyhow::Result<String> {
    let before = cluster.everything()?;
    let (lost, _) = step("kill etcd, remove its data directory", || cluster.lose())?;
    told("restore-localize etcd plan", || snapshots.plan(&lost))?;
    told("restore-localize etcd, through the proxy", || snapshots.restore(&lost))?;
    told("restore-localize etcd once more", || snapshots.restore(&lost))?;
    step("start etcd on it", || cluster.start_again())?;
    let endpoint = cluster.endpoint()?;
    told("restore-localize etcd confirm", || snapshots.confirm(&endpoint, &lost))?;
    let is_same = cluster.everything()? == before;
    Ok(if is_same { "yes" } else { "no" }.to_owned())
}

fn filled() -> anyhow::Result<Cluster> {
    let name = format!("start a real etcd 3.6, put {KEYS} keys of {} KiB", VALUE_BYTES / 1024);
    let start = || {
        let cluster = Cluster::start()?;
        cluster.put(KEYS, VALUE_BYTES)?;
        Ok(cluster)
    };
    step(&name, start).map(|(cluster, _)| cluster)
}

fn told_by_etcd(
    cluster: &Cluster,
    file: &std::path::Path,
    newest: &Value,
) -> anyhow::Result<String> {
    let name = "etcdutl snapshot status";
    let (agreement, _) = step(name, || cluster.agrees(file, newest))?;
    quote(&agreement.said);
    Ok(agreement.verdict)
}

/// Does a step and shows what came out.
fn told(name: &str, work: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<()> {
    let (said, _) = step(name, work)?;
    quote(&said);
    Ok(())
}

fn quote(said: &str) {
    said.lines().for_each(|line| say(&format!("    {line}")));
}

impl Kept {
    pub(super) fn rows(&self, rows: &mut Rows) {
        let Kept { taken, left, newest, agreement, came_back, failed } = self;
        let facts = &newest["facts"]["etcd"];
        rows.add("etcd snapshots taken, through the proxy", *taken, Goal::Exactly(SNAPSHOTS));
        rows.add("etcd snapshots after the prune", *left, Goal::Exactly(1));
        rows.add("bytes in the newest", newest["content"]["bytes"].clone(), Goal::None);
        rows.add("keys in the newest", facts["live_keys"].clone(), Goal::Exactly(KEYS as u64));
        let name = "etcdutl says the same revision, keys and hash of it";
        rows.add(name, agreement.as_str(), Goal::Yes);
        let name = "etcd has every key and value again, after its data directory was lost";
        rows.add(name, came_back.as_str(), Goal::Yes);
        rows.add("failed requests meanwhile, at the store", *failed, Goal::Exactly(0));
    }
}
