// SPDX-License-Identifier: Apache-2.0
//! The short story: snapshot, verify, restore through the proxy; the same snapshot without it; then
//! etcd's snapshots.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use testbed::{Counts, EarlyRevocation, Summary, compare};

use super::chain::Told;
use super::keeping::{self, Kept};
use super::kopia::{Kopia, Snapshot};
use super::metrics::Metrics;
use super::progress::{say, step};
use super::rows::{Goal, Rows};
use super::stage::{Stage, Supply};
use super::{places, tree};
use crate::interrupt::Interrupt;

const LIFETIME: Duration = Duration::from_secs(4);
const KEYS: u64 = 10;
/// A fast machine needs more than one pass over the tree to outlive its credentials.
const ANOTHER_PASS_WITHIN: Duration = Duration::from_secs(90);

const NEXT: &str = "what to try next:
  scripts/soak                                the same for ten minutes, with an outage and revoked credentials
  scripts/bench                               what the proxy costs, beside a bare relay and no relay
  cargo run -p s3-resign-proxy -- --help      every flag of the proxy";

/// What was seen on the way.
struct Seen {
    tree: Summary,
    proxied: Duration,
    direct: Duration,
    identical: Result<(), String>,
    counts: Counts,
    metrics: Metrics,
    kept: Kept,
}

pub(super) fn play(tree_mib: u64) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    let json = places::in_target("demo.json")?;
    places::etcd()?;
    let begun = Instant::now();
    let start = || Stage::open(&interrupt, Supply::Chain, LIFETIME, EarlyRevocation::Never);
    let name = format!(
        "start: store over TLS, credentials of {LIFETIME:?}, control plane, broker, proxy, reporter"
    );
    let (stage, _) = step(&name, start)?;
    let seen = tell(&stage, &interrupt, tree_mib)?;
    let (told, _) = step("stop everything; the last report is delivered", || stage.close())?;
    let rows = rows(&seen, told.as_ref(), begun.elapsed());
    rows.write_json(&json)?;
    say(&format!("\n{}\nthe same as JSON: {}\n{NEXT}", rows.table(), json.display()));
    rows.judge()
}

fn tell(stage: &Stage, interrupt: &Interrupt, tree_mib: u64) -> anyhow::Result<Seen> {
    let (tree, restored) = (stage.path("tree"), stage.path("restored"));
    let name = format!("generate a tree of {tree_mib} MiB");
    let (summary, _) = step(&name, || tree::generate(&tree, tree_mib).context("the tree"))?;
    interrupt.check()?;
    let kopia = stage.proxied()?;
    step("kopia repository create, through the proxy", || kopia.create())?;
    let (snapshot, proxied) =
        step("kopia snapshot create, through the proxy", || kopia.snapshot(&tree))?;
    step("kopia snapshot verify of every byte, through the proxy", || kopia.verify(&snapshot))?;
    step("kopia snapshot restore, through the proxy", || kopia.restore(&snapshot, &restored))?;
    let identical = compare_step(&tree, &restored)?;
    outlive_credentials(stage, &kopia, &snapshot)?;
    let (counts, metrics) = (stage.store.counts(), stage.metrics()?);
    std::fs::remove_dir_all(&restored).context("the restored tree")?;
    interrupt.check()?;

    let kopia = stage.direct()?;
    step("kopia repository create, direct", || kopia.create())?;
    let (_, direct) = step("kopia snapshot create, direct", || kopia.snapshot(&tree))?;
    interrupt.check()?;
    let kept = keeping::tell(stage)?;
    Ok(Seen { tree: summary, proxied, direct, identical, counts, metrics, kept })
}

/// Compares; a difference is a missed goal, not the end of the run.
pub(super) fn compare_step(tree: &Path, restored: &Path) -> anyhow::Result<Result<(), String>> {
    let work = || Ok(compare(tree, restored).map(drop).map_err(|found| found.to_string()));
    step("compare the restored tree byte for byte", work).map(|(found, _)| found)
}

/// Reads on until enough credentials did their work.
fn outlive_credentials(stage: &Stage, kopia: &Kopia, snapshot: &Snapshot) -> anyhow::Result<()> {
    let begun = Instant::now();
    while keys(&stage.store.counts()) < KEYS && begun.elapsed() < ANOTHER_PASS_WITHIN {
        step("kopia snapshot verify once more, to outlive more credentials", || {
            kopia.verify(snapshot)
        })?;
    }
    Ok(())
}

pub(super) fn keys(counts: &Counts) -> u64 {
    counts.keys_with_ok_data() as u64
}

/// Error answers to the caller that are failures. Absence is none: kopia asks whether a repository
/// is there before it makes one. Absences come from the store, which tells them apart.
pub(super) fn failed_at_caller(counts: &Counts, metrics: &Metrics) -> u64 {
    metrics.errors.saturating_sub(counts.errors - counts.failed)
}

/// `yes`, or what differs.
pub(super) fn verdict(identical: &Result<(), String>) -> String {
    identical.as_ref().map_or_else(Clone::clone, |()| "yes".to_owned())
}

fn rows(seen: &Seen, told: Option<&Told>, took: Duration) -> Rows {
    let mut rows = Rows::default();
    let (counts, metrics) = (&seen.counts, &seen.metrics);
    let (proxied, direct) = (seen.proxied.as_secs_f64(), seen.direct.as_secs_f64());
    rows.add("bytes in the tree", seen.tree.bytes, Goal::None);
    rows.add("files in the tree", seen.tree.files, Goal::None);
    rows.add_figure("snapshot through the proxy, s", proxied);
    rows.add_figure("snapshot direct, s", direct);
    rows.add_figure("ratio proxied : direct (one run each)", proxied / direct);
    rows.add_figure("lifetime of the credentials, s", LIFETIME.as_secs_f64());
    let name = "access keys with successful data requests, at the store";
    rows.add(name, keys(counts), Goal::AtLeast(KEYS));
    rows.add("requests answered by the proxy", metrics.answered, Goal::None);
    let failed = failed_at_caller(counts, metrics);
    rows.add("failed requests, at the caller", failed, Goal::Exactly(0));
    rows.add("failed requests, at the store", counts.failed, Goal::Exactly(0));
    rows.add("requests cut, at the store", counts.cut, Goal::None);
    rows.add("restored tree identical", verdict(&seen.identical), Goal::Yes);
    if let Some(told) = told {
        told.rows(&mut rows);
    }
    seen.kept.rows(&mut rows);
    rows.add_figure("whole run, s", took.as_secs_f64());
    rows
}
