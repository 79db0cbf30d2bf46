// SPDX-License-Identifier: Apache-2.0
//! A large snapshot from a bucket into a data directory: ours beside a download and `etcdutl snapshot
//! restore`, one after the other.

mod back;
mod work;

use super::etcd::{Ground, Used};
use super::figure::{Compared, Figures, Unit};
use super::say;
use super::series::Series;
use crate::interrupt::Interrupt;
pub(super) use back::Back;

const ROUNDS: usize = 5;
const MIB: u64 = 1024 * 1024;
const GOAL: f64 = 1.15;

/// With so many MiB of values in etcd.
pub(super) fn measure(
    mib: u64,
    interrupt: &Interrupt,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    say(&format!("restore: putting {mib} MiB"));
    let ground = Ground::lay(mib, interrupt)?;
    let laid = work::lay(&ground)?;
    let (mut wall, mut cpu, mut memory) = (Series::new(), Series::new(), Series::new());
    // The first round warms the page cache up and is not counted.
    for round in 0..=ROUNDS {
        say(&format!("restore of {mib} MiB, round {round} of {ROUNDS}"));
        for way in Back::in_turn(round) {
            interrupt.check()?;
            let Used { wall: took, cpu: used, peak_rss_bytes } =
                work::restore(&ground, &laid, way)?;
            if round > 0 {
                wall.push(way, took.as_secs_f64());
                cpu.push(way, used.as_secs_f64());
                memory.push(way, peak_rss_bytes as f64 / MIB as f64);
            }
        }
    }
    let of = |part: &str, unit, series| {
        let name = format!("restore of an etcd of {mib} MiB from S3, {part}");
        Compared { name, unit, base: Back::Rclone, series }
    };
    let wall = of("wall", Unit::Seconds, wall);
    figures.judge_ratio(&wall, Back::Boto3, GOAL);
    figures.compare(wall, Some(GOAL));
    figures.compare(of("CPU, children included", Unit::Seconds, cpu), None);
    figures.compare(of("peak memory of the process itself", Unit::Mebibytes, memory), None);
    Ok(())
}
