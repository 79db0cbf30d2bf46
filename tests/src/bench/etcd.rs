// SPDX-License-Identifier: Apache-2.0
//! A snapshot of a large etcd into a bucket: ours beside `etcdctl snapshot save` and an upload, and
//! how long etcd holds its read transaction for each.

mod ground;
mod held;
mod slow;
mod watched;
mod way;
mod work;

use std::time::Duration;

use anyhow::Context;

use super::column::Column;
use super::figure::{Compared, Figures, Unit};
use super::say;
use super::series::Series;
use crate::interrupt::Interrupt;
pub(super) use ground::{BUCKET, Ground};
pub(super) use watched::{Used, run};
pub(super) use way::Way;
pub(super) use work::{keyed, ours, rclone_at};

const ROUNDS: usize = 5;
const MIB: u64 = 1024 * 1024;
const WALL_GOAL: f64 = 0.7;
const MEMORY_GOAL_MIB: f64 = 96.0;

/// One value for each way and round.
#[derive(Default)]
struct Cells {
    wall: Series<Way>,
    cpu: Series<Way>,
    memory: Series<Way>,
    held: Series<Way>,
}

/// With so many MiB of values in etcd.
pub(super) fn measure(
    mib: u64,
    interrupt: &Interrupt,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    say(&format!("etcd: putting {mib} MiB"));
    let ground = Ground::lay(mib, interrupt)?;
    let mut cells = Cells::default();
    // The first round warms the page cache up and is not counted.
    for round in 0..=ROUNDS {
        say(&format!("etcd snapshot of {mib} MiB, round {round} of {ROUNDS}"));
        for way in in_turn(round) {
            interrupt.check()?;
            let used = work::snapshot(&ground, way)?;
            let held = ground.last_held()?;
            ground.clear(mib * MIB)?;
            if round > 0 {
                cells.push(way, used, held);
            }
        }
    }
    drop(ground);
    cells.tell(mib, figures)?;
    slow::measure(mib, interrupt, figures)
}

/// Who is first changes from round to round.
fn in_turn(round: usize) -> Vec<Way> {
    let mut ways = Way::ALL.to_vec();
    ways.rotate_left(round % Way::ALL.len());
    ways
}

impl Cells {
    fn push(&mut self, way: Way, used: Used, held: Duration) {
        self.wall.push(way, used.wall.as_secs_f64());
        self.cpu.push(way, used.cpu.as_secs_f64());
        self.memory.push(way, used.peak_rss_bytes as f64 / MIB as f64);
        self.held.push(way, held.as_secs_f64() * 1e3);
    }

    fn tell(self, mib: u64, figures: &mut Figures) -> anyhow::Result<()> {
        let of = |part: &str, unit, series| {
            let name = format!("etcd snapshot of {mib} MiB into S3, {part}");
            Compared { name, unit, base: Way::Rclone, series }
        };
        let Cells { wall, cpu, memory, held } = self;
        let peak = memory.median(Way::Ours).context("nothing was measured")?;
        let wall = of("wall", Unit::Seconds, wall);
        figures.judge_ratio(&wall, Way::Boto3, WALL_GOAL);
        figures.compare(wall, Some(WALL_GOAL));
        let memory = of("peak memory", Unit::Mebibytes, memory);
        figures.judge(&memory.name, peak, Unit::Mebibytes, MEMORY_GOAL_MIB);
        figures.compare(of("CPU", Unit::Seconds, cpu), None);
        figures.compare(memory, None);
        figures.compare(of("read transaction held", Unit::Milliseconds, held), None);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_first_equally_often() {
        let first: Vec<Way> = (0..3).map(|round| in_turn(round)[0]).collect();
        assert_eq!(first, Way::ALL);
    }
}
