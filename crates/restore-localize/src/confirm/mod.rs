// SPDX-License-Identifier: Apache-2.0
//! `confirm`: is the restored cluster up, and is it the one that was restored? Only then is a restore
//! completed: an init container that ended well says nothing of what came after.

mod checks;
mod expected;
pub(crate) mod plan;
mod reach;

use std::collections::BTreeSet;

use anyhow::anyhow;
use etcd_rpc::{Access, AlarmKind, HashKv, Kind, Listed};
use futures_util::future::try_join_all;
use serde_json::json;
use sidecar::{Exit, Failure, Outcome, Stop};

use crate::confirm::expected::Expected;
use crate::confirm::plan::ConfirmPlan;
use crate::confirm::reach::{Patience, Reached, reach};

/// So often are all hashes asked for anew, where a compaction came between.
const ROUNDS: usize = 5;

/// Waits for the cluster, and holds it against what was restored.
///
/// # Errors
/// [`Exit::Unavailable`] for one that is not whole in time; [`Exit::Denied`]; [`Exit::Usage`];
/// [`Exit::Stopped`]. A difference is in the outcome.
pub(crate) async fn confirm(plan: ConfirmPlan, stop: Stop) -> anyhow::Result<Outcome> {
    tokio::select! {
        outcome = run(&plan) => outcome,
        () = stop.requested() => Err(Failure::new(Exit::Stopped, anyhow!("stopped when asked"))),
    }
}

async fn run(plan: &ConfirmPlan) -> anyhow::Result<Outcome> {
    let access = plan.reach.access().map_err(|error| Failure::new(Exit::Usage, error))?;
    let expected = Expected::of(&plan.told).await?;
    let patience = Patience::new(plan.wait);
    let reached = all(&plan.reach.endpoints, &access, patience).await?;
    let found = strangers(&expected, &reached);
    if !found.is_empty() {
        return Ok(differs(&expected, found));
    }
    let listed = match started(&expected, &reached, patience).await? {
        Ok(listed) => listed,
        Err(found) => return Ok(differs(&expected, found)),
    };
    let reached = rest(reached, &listed, &access, patience).await?;
    let found = strangers(&expected, &reached);
    if !found.is_empty() {
        return Ok(differs(&expected, found));
    }
    judge(&expected, &reached, patience).await
}

async fn all(
    endpoints: &[String],
    access: &Access,
    patience: Patience,
) -> anyhow::Result<Vec<Reached>> {
    try_join_all(endpoints.iter().map(|endpoint| reach(endpoint, access, patience))).await
}

fn strangers(expected: &Expected, reached: &[Reached]) -> Vec<String> {
    let judge = |it: &Reached| checks::identity(expected, it.member.endpoint(), it.header);
    reached.iter().filter_map(judge).collect()
}

/// The cluster's list, once every member in it has started; or what is wrong with the list.
async fn started(
    expected: &Expected,
    reached: &[Reached],
    patience: Patience,
) -> anyhow::Result<Result<Vec<Listed>, Vec<String>>> {
    let Some(first) = reached.first() else { return Err(patience.over("no endpoint")) };
    loop {
        let listed = patience.ask(async || first.member.members().await).await?;
        let found = checks::members(expected, &listed);
        if !found.is_empty() {
            return Ok(Err(found));
        }
        let unstarted = checks::unstarted(&listed);
        if unstarted.is_empty() {
            return Ok(Ok(listed));
        }
        if !patience.pause().await {
            return Err(patience.over(&format!("not started: {}", unstarted.join(", "))));
        }
    }
}

/// Members that no endpoint has reached are asked where they say that clients reach them: behind one
/// address of a Service there may be any.
async fn rest(
    mut reached: Vec<Reached>,
    listed: &[Listed],
    access: &Access,
    patience: Patience,
) -> anyhow::Result<Vec<Reached>> {
    let known: BTreeSet<u64> = reached.iter().map(|it| it.header.member_id).collect();
    let missing = listed.iter().filter(|it| !known.contains(&it.id));
    let urls: Vec<String> = missing.filter_map(|it| it.client_urls.first().cloned()).collect();
    reached.extend(all(&urls, access, patience).await?);
    Ok(reached)
}

async fn judge(
    expected: &Expected,
    reached: &[Reached],
    patience: Patience,
) -> anyhow::Result<Outcome> {
    let Some(first) = reached.first() else { return Err(patience.over("no endpoint")) };
    let alarms = patience.ask(async || first.member.alarms().await).await?;
    let has = |kind| alarms.iter().any(|alarm| alarm.alarm() == kind);
    if has(AlarmKind::Corrupt) {
        let why = "the alarm CORRUPT is raised: its members hold different data".to_owned();
        return Ok(differs(expected, vec![why]));
    }
    let head = reached.iter().map(|it| it.header.revision).max().unwrap_or_default();
    let expected = &started_at(expected, first, head).await;
    let behind = checks::revision(expected, head);
    // No history there: nothing to count.
    let count = match &behind {
        None => count(expected, first, patience).await?,
        Some(_) => None,
    };
    let other_keys = count.and_then(|count| checks::keys(expected, count));
    let mut found: Vec<String> = behind.into_iter().chain(other_keys).collect();
    let (revision, hashes) = hashes(first, reached, patience).await?;
    found.extend(checks::hashes(revision, &hashes));
    if !found.is_empty() {
        return Ok(differs(expected, found));
    }
    let hash = hashes.first().map(|(_, hash)| hash.hash).unwrap_or_default();
    Ok(completed(expected, Figures { revision, hash, count, is_full: has(AlarmKind::Nospace) }))
}

/// A cluster that is behind what was asked for may be where its tool could bring it.
async fn started_at(expected: &Expected, first: &Reached, head: i64) -> Expected {
    if head >= expected.revision {
        return expected.clone();
    }
    // Some releases tell it to the role root only; then the revision is a difference.
    let version = first.member.status().await.map(|status| status.version).unwrap_or_default();
    expected.clone().able(&version)
}

/// Nothing where history is gone: the cluster has compacted since.
async fn count(
    expected: &Expected,
    first: &Reached,
    patience: Patience,
) -> anyhow::Result<Option<u64>> {
    let ask = async || match first.member.count(expected.revision).await {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == Kind::Compacted => Ok(None),
        Err(error) => Err(error),
    };
    patience.ask(ask).await
}

/// The hash of every member at one revision. A member that lags is waited for.
async fn hashes(
    first: &Reached,
    reached: &[Reached],
    patience: Patience,
) -> anyhow::Result<(i64, Vec<(String, HashKv)>)> {
    let mut rounds = 1;
    loop {
        let head = patience.ask(async || first.member.linearizable_read().await).await?;
        let answers =
            try_join_all(reached.iter().map(|it| hash(it, head.revision, patience))).await?;
        let whole: Option<Vec<(String, HashKv)>> = answers.into_iter().collect();
        let is_one_compaction = |answers: &[(String, HashKv)]| {
            answers.windows(2).all(|it| it[0].1.compact_revision == it[1].1.compact_revision)
        };
        match whole {
            Some(answers) if rounds == ROUNDS || is_one_compaction(&answers) => {
                return Ok((head.revision, answers));
            }
            _ if rounds < ROUNDS => rounds += 1,
            _ => {
                return Err(
                    patience.over("its revisions are compacted faster than they are hashed")
                );
            }
        }
    }
}

/// Nothing where the revision was compacted meanwhile.
async fn hash(
    at: &Reached,
    revision: i64,
    patience: Patience,
) -> anyhow::Result<Option<(String, HashKv)>> {
    let ask = async || match at.member.hash_kv(revision).await {
        Ok(hash) => Ok(Some((at.member.endpoint().to_owned(), hash))),
        Err(error) if error.kind() == Kind::Compacted => Ok(None),
        Err(error) => Err(error),
    };
    patience.ask(ask).await
}

struct Figures {
    revision: i64,
    hash: u32,
    count: Option<u64>,
    is_full: bool,
}

fn completed(expected: &Expected, figures: Figures) -> Outcome {
    let Figures { revision, hash, count, is_full } = figures;
    let (members, cluster, from) = (expected.members.len(), expected.cluster_id, expected.revision);
    let keys = match count {
        Some(count) => format!("{count} keys lived at revision {from} as restored"),
        None => format!("keys at revision {from} were not compared, as it is compacted since"),
    };
    let alarm = match is_full {
        true => {
            "; the alarm NOSPACE is raised, so writes are refused: defragment, then `etcdctl alarm disarm`"
        }
        false => "",
    };
    let sentence = format!(
        "restore completed: cluster {cluster:x}, {members} members with one hash {hash} at revision \
         {revision}; {keys}{alarm}"
    );
    Outcome::done(sentence).with(json!({
        "confirmed": true, "cluster_id": format!("{cluster:x}"), "members": members,
        "restored_revision": from, "revision": revision, "hash": hash, "keys": count,
        "nospace": is_full,
    }))
}

fn differs(expected: &Expected, found: Vec<String>) -> Outcome {
    let sentence = format!("this is not what was restored: {}", found.join("; "));
    let cluster = format!("{:x}", expected.cluster_id);
    let facts = json!({"confirmed": false, "cluster_id": cluster, "differences": found.len()});
    Outcome { exit: Exit::Corrupt, ..Outcome::done(sentence) }.with(facts)
}
