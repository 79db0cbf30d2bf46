// SPDX-License-Identifier: Apache-2.0
//! The long story: kopia works on and on while credentials die, the issuer fails and the store
//! revokes sets before their time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use sidecar::{Exit, Failure};
use testbed::{Counts, EarlyRevocation};

use super::kopia::{Kopia, Snapshot};
use super::metrics::Metrics;
use super::outage::Outage;
use super::over::{Over, SayOver};
use super::progress::{say, step};
use super::rows::{Goal, Rows};
use super::stage::{Stage, Supply};
use super::story::{compare_step, failed_at_caller, keys, verdict};
use super::{places, tree};
use crate::interrupt::Interrupt;

const LIFETIME: Duration = Duration::from_secs(3);
const OUTAGE: Duration = Duration::from_secs(6);
const NTH: u64 = 3;
const EARLY: Duration = Duration::from_secs(1);
const SAY_EVERY: Duration = Duration::from_secs(10);

/// What is done so far; other threads read along.
#[derive(Default)]
struct Tally {
    rounds: AtomicU64,
    commands: AtomicU64,
    failed: AtomicU64,
}

/// What was seen in all.
struct Seen {
    span: Duration,
    outages: u64,
    tally: Tally,
    identical: Result<(), String>,
    counts: Counts,
    metrics: Metrics,
    sets: u64,
}

pub(super) fn play(span: Duration, tree_mib: u64) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    let json = places::in_target("soak.json")?;
    let early = EarlyRevocation::Every { nth: NTH, early: EARLY };
    let name = format!("start: store over TLS, credentials of {LIFETIME:?}, issuer, proxy");
    let (stage, _) = step(&name, || Stage::open(&interrupt, Supply::Issuer, LIFETIME, early))?;
    let name = format!("generate a tree of {tree_mib} MiB");
    step(&name, || tree::generate(&stage.path("tree"), tree_mib).context("the tree"))?;
    let soak = Soak { kopia: stage.proxied()?, tree: stage.path("tree"), tally: Tally::default() };
    step("kopia repository create", || soak.kopia.create())?;
    let seen = soak.last(&stage, span)?;
    step("stop everything", || stage.close())?;
    let rows = rows(&seen, span);
    rows.write_json(&json)?;
    say(&format!("\n{}\nthe same as JSON: {}", rows.table(), json.display()));
    rows.judge()
}

/// Kopia at work on its tree.
struct Soak {
    kopia: Kopia,
    tree: PathBuf,
    tally: Tally,
}

impl Soak {
    /// Lasts for `span`, with the outage in the middle, then restores and compares.
    fn last(self, stage: &Stage, span: Duration) -> anyhow::Result<Seen> {
        let begun = Instant::now();
        let outage = Outage { from: begun + span / 2, length: OUTAGE, nth: NTH };
        let over = Over::default();
        let (newest, outages) = thread::scope(|scope| {
            let down = scope.spawn(|| outage.happen(stage, &over));
            scope.spawn(|| self.report(stage, &over, begun));
            let newest = {
                let _say = SayOver(&over);
                self.rounds(begun + span)
            };
            (newest, down.join())
        });
        let span = begun.elapsed();
        let outages = outages.map_err(|_| anyhow::anyhow!("the outage's thread panicked"))?;
        let identical = self.restore(stage, newest?)?;
        let (counts, metrics) = (stage.store.counts(), stage.metrics()?);
        let sets = stage.store.keyring().issued();
        Ok(Seen { span, outages, tally: self.tally, identical, counts, metrics, sets })
    }

    /// Snapshot, verify, change, until the time is over; returns the newest snapshot, which is of
    /// the tree as it is then.
    fn rounds(&self, until: Instant) -> anyhow::Result<Option<Snapshot>> {
        for round in 1.. {
            let newest = self.counted(|| self.kopia.snapshot(&self.tree))?;
            if let Some(newest) = &newest {
                self.counted(|| self.kopia.verify(newest))?;
            }
            self.tally.rounds.store(round, Ordering::Relaxed);
            if Instant::now() >= until {
                return Ok(newest);
            }
            tree::change(&self.tree, round).context("the tree cannot be changed")?;
        }
        Ok(None)
    }

    fn restore(
        &self,
        stage: &Stage,
        newest: Option<Snapshot>,
    ) -> anyhow::Result<Result<(), String>> {
        let Some(newest) = newest else { return Ok(Err("the last snapshot failed".to_owned())) };
        let to = stage.path("restored");
        let restore = || self.counted(|| self.kopia.restore(&newest, &to));
        match step("kopia snapshot restore", restore)?.0 {
            Some(()) => compare_step(&self.tree, &to),
            None => Ok(Err("the restore failed".to_owned())),
        }
    }

    /// Counts a command; `None` if it failed, which a soak outlives and reports at the end.
    fn counted<T>(&self, command: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<Option<T>> {
        self.tally.commands.fetch_add(1, Ordering::Relaxed);
        match command() {
            Ok(done) => Ok(Some(done)),
            Err(error) if Failure::exit_of(&error) == Exit::Stopped => Err(error),
            Err(error) => {
                self.tally.failed.fetch_add(1, Ordering::Relaxed);
                say(&format!("{error:#}"));
                Ok(None)
            }
        }
    }

    /// A line every ten seconds.
    fn report(&self, stage: &Stage, over: &Over, begun: Instant) {
        while !over.within(SAY_EVERY) {
            let counts = stage.store.counts();
            say(&format!(
                "{:4} s: {} rounds, {} commands failed, {} requests, {} access keys, {} ExpiredToken",
                begun.elapsed().as_secs(),
                self.tally.rounds.load(Ordering::Relaxed),
                self.tally.failed.load(Ordering::Relaxed),
                counts.requests,
                keys(&counts),
                counts.expired_answers,
            ));
        }
    }
}

fn rows(seen: &Seen, asked: Duration) -> Rows {
    let mut rows = Rows::default();
    let (counts, metrics, tally) = (&seen.counts, &seen.metrics, &seen.tally);
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    rows.add("seconds of work", seen.span.as_secs(), Goal::AtLeast(asked.as_secs()));
    rows.add("rounds of snapshot, verify, change", count(&tally.rounds), Goal::AtLeast(1));
    rows.add("kopia commands", count(&tally.commands), Goal::None);
    rows.add("kopia commands that failed", count(&tally.failed), Goal::Exactly(0));
    rows.add("lifetime of the credentials, s", LIFETIME.as_secs(), Goal::None);
    rows.add("credential sets issued", seen.sets, Goal::None);
    let name = format!("outages of the issuer, {OUTAGE:?} each");
    rows.add(&name, seen.outages, Goal::AtLeast(1));
    rows.add("ExpiredToken answers of the store", counts.expired_answers, Goal::AtLeast(1));
    let name = "access keys with successful data requests, at the store";
    rows.add(name, keys(counts), Goal::AtLeast(10));
    rows.add("requests at the store", counts.requests, Goal::None);
    rows.add("bytes to the store", counts.received_bytes, Goal::None);
    rows.add("bytes from the store", counts.sent_bytes, Goal::None);
    rows.add("requests sent again by the proxy", metrics.replays, Goal::None);
    rows.add("503 SlowDown by the proxy, which kopia retried", metrics.slowdowns, Goal::None);
    let failed = failed_at_caller(counts, metrics).saturating_sub(metrics.slowdowns);
    rows.add("other failed requests, at the caller", failed, Goal::Exactly(0));
    rows.add("failed attempts to get credentials", metrics.credential_failures, Goal::None);
    rows.add("restored tree identical", verdict(&seen.identical), Goal::Yes);
    rows
}
