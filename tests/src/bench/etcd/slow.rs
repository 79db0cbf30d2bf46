// SPDX-License-Identifier: Apache-2.0
//! The bucket behind a narrow line: etcd must not feel it.

use std::time::Duration;

use anyhow::ensure;
use testbed::{FaultPlan, Front, FrontConfig, Running};

use super::ground::Ground;
use super::way::Way;
use super::work;
use crate::bench::figure::{Compared, Figures, Unit};
use crate::bench::say;
use crate::bench::series::Series;
use crate::interrupt::Interrupt;

const ROUNDS: usize = 7;
const BYTES_PER_SECOND: u64 = 5_000_000;
/// Twice what an upload may hold in memory: a program that spools nothing would be slowed.
const MOST_MIB: u64 = 128;
/// The upload itself takes half a minute, etcd's part of it less than a second.
const LIMIT: Duration = Duration::from_secs(60);
const GOAL: f64 = 1.05;

pub(super) fn measure(
    mib: u64,
    interrupt: &Interrupt,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let mib = mib.min(MOST_MIB);
    let ground = Ground::lay(mib, interrupt)?;
    let front = Front::start(FrontConfig {
        plan: FaultPlan::none().throttled(BYTES_PER_SECOND),
        ..FrontConfig::new(ground.store.addr())
    })?;
    let mut held = Series::<Way>::new();
    for round in 0..=ROUNDS {
        say(&format!("etcd snapshot into a slow bucket, round {round} of {ROUNDS}"));
        interrupt.check()?;
        let (ours, theirs) = pair(&ground, &front, round)?;
        if round > 0 {
            held.push(Way::Ours, ours.as_secs_f64() * 1e3);
            held.push(Way::Rclone, theirs.as_secs_f64() * 1e3);
        }
    }
    let name = format!("etcd snapshot of {mib} MiB, bucket at 5 MB/s, read transaction held");
    let (unit, base) = (Unit::Milliseconds, Way::Rclone);
    figures.compare(Compared { name, unit, base, series: held }, Some(GOAL));
    Ok(())
}

/// Ours, and etcdctl into a file; who is first changes from round to round.
fn pair(ground: &Ground, front: &Front, round: usize) -> anyhow::Result<(Duration, Duration)> {
    let theirs = || {
        let file = ground.path("snapshot.db");
        work::save(ground, &file)?;
        std::fs::remove_file(&file)?;
        ground.last_held()
    };
    if round.is_multiple_of(2) {
        let ours = ours(ground, front)?;
        Ok((ours, theirs()?))
    } else {
        let theirs = theirs()?;
        Ok((ours(ground, front)?, theirs))
    }
}

/// Stopped once etcd has given all: what is left would be waiting for the line.
fn ours(ground: &Ground, front: &Front) -> anyhow::Result<Duration> {
    let before = ground.held()?.len();
    let mut run = work::ours(ground, &front.url())?.start()?;
    run.wait_until(LIMIT, "etcd has given all", |_| {
        ground.held().is_ok_and(|held| held.len() > before)
    })?;
    stop(&mut run)?;
    ground.wipe()?;
    ground.last_held()
}

fn stop(run: &mut Running) -> anyhow::Result<()> {
    let is_waiting = run.exited().is_none();
    ensure!(is_waiting, "the bucket was not slow, or it failed\n{}", run.story());
    run.terminate()?;
    run.wait(LIMIT).map(drop)
}
