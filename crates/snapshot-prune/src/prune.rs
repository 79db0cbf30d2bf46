// SPDX-License-Identifier: Apache-2.0
//! One run: list, plan, print, apply.

use std::collections::BTreeSet;
use std::io::Write as _;

use anyhow::anyhow;
use jiff::Timestamp;
use serde_json::json;
use sidecar::{Exit, Failure, Outcome, Stop};
use snapshot::Manifest;
use store::Found;

use crate::apply::{Broom, Done};
use crate::args::Plan;
use crate::inventory::{self, Inventory};
use crate::{pins, report};

/// Plans, prints, and applies if asked to.
///
/// # Errors
/// Nothing was deleted then, unless the text says so.
pub(crate) async fn prune(plan: Plan, stop: Stop) -> anyhow::Result<Outcome> {
    let store = plan.from.open()?;
    let claims = match &plan.claims {
        Some((at, settings)) => {
            Some(store::open(at, settings).map_err(store::Error::into_failure)?)
        }
        None => None,
    };
    let pinned = match &claims {
        Some(claims) => pins::read(claims).await?,
        None => BTreeSet::new(),
    };
    let inventory = inventory::take(&store, &plan.place, plan.orphan_age).await?;
    let verdicts =
        snapshot::plan(&inventory.sound, plan.class, &plan.policy, &pinned, Timestamp::now())
            .map_err(|refusal| {
                Failure::new(Exit::Corrupt, anyhow!("nothing is deleted: {refusal}"))
            })?;
    print(&plan, &verdicts, &inventory)?;
    let goes: Vec<&Manifest> = verdicts
        .deletions()
        .take(plan.max_deletions)
        .filter_map(|decision| inventory.sound.iter().find(|it| it.id == decision.id))
        .collect();
    let left = verdicts.deletions().count() - goes.len();
    if !plan.apply {
        return Ok(planned(goes.len(), left, &inventory));
    }
    let mut broom = Broom {
        store: &store,
        place: &plan.place,
        adopted: &inventory.adopted,
        claims: claims.as_ref(),
        stop: &stop,
        done: Done::default(),
    };
    if let Err(error) = broom.snapshots(&goes).await {
        let deleted = broom.done.deleted;
        return Err(error.context(format!("{deleted} snapshots were deleted, then it ended")));
    }
    broom.orphans(&keys(&inventory.orphans)).await;
    broom.runs(&keys(&inventory.runs)).await;
    let done = broom.done;
    if stop.is_requested() {
        return Err(Failure::new(Exit::Stopped, anyhow!("stopped when asked; {}", told(&done))));
    }
    Ok(applied(&done, left, &inventory))
}

fn keys(found: &[Found]) -> Vec<String> {
    found.iter().map(|it| it.key.clone()).collect()
}

fn print(plan: &Plan, verdicts: &snapshot::Plan, inventory: &Inventory) -> std::io::Result<()> {
    let text = match plan.json {
        true => format!("{}\n", report::json(verdicts, inventory)),
        false => report::text(verdicts, inventory),
    };
    std::io::stdout().write_all(text.as_bytes())
}

fn planned(goes: usize, left: usize, inventory: &Inventory) -> Outcome {
    let also = inventory.orphans.len() + inventory.runs.len();
    let mut sentence =
        format!("would delete {goes} snapshots and {also} leftovers; give --apply to do it");
    if left > 0 {
        sentence.push_str(&format!("; {left} more are for the next run (--max-deletions)"));
    }
    finished(sentence, inventory, &Done::default())
}

fn applied(done: &Done, left: usize, inventory: &Inventory) -> Outcome {
    let mut sentence = told(done);
    if left > 0 {
        sentence.push_str(&format!("; {left} more are for the next run (--max-deletions)"));
    }
    finished(sentence, inventory, done)
}

/// What was done, and what could not be.
fn told(done: &Done) -> String {
    let (deleted, swept) = (done.deleted, done.swept);
    let mut sentence = format!("deleted {deleted} snapshots and {swept} leftovers");
    if !done.locked.is_empty() {
        sentence.push_str(&format!("; kept by a lock: {}", done.locked.len()));
    }
    if let Some(first) = done.failed.first() {
        sentence.push_str(&format!("; {} could not be deleted: {first}", done.failed.len()));
    }
    sentence
}

fn finished(mut sentence: String, inventory: &Inventory, done: &Done) -> Outcome {
    if let Some((manifest, why)) = inventory.broken.first() {
        let count = inventory.broken.len();
        sentence.push_str(&format!("; {count} broken and kept: {}: {why}", manifest.id));
    }
    let is_whole = inventory.broken.is_empty() && done.failed.is_empty();
    let exit = if is_whole { Exit::Done } else { Exit::Partial };
    let facts = json!({
        "deleted": done.deleted,
        "swept": done.swept,
        "locked": done.locked,
        "failed": done.failed,
        "broken": inventory.broken.len(),
    });
    Outcome { exit, ..Outcome::done(sentence) }.with(facts)
}
