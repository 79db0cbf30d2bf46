// SPDX-License-Identifier: Apache-2.0
//! Large bodies over one connection: how fast they move, and what a byte costs in between.

use std::time::Instant;

use super::figure::{Compared, Figures, Unit};
use super::request::{Ask, LARGE_BYTES};
use super::route::Route;
use super::say;
use super::series::Series;
use super::stage::Stage;

const ROUNDS: usize = 7;
/// Of each kind in a round and on a route.
const REQUESTS: u32 = 24;
/// Until windows and buffers have grown.
const WARM_UP: u32 = 2;

/// One kind of request.
struct Cell {
    name: &'static str,
    ask: Ask,
    /// The most that a byte may cost in `auto`, held against the relay.
    goal: f64,
    seconds_per_gb: Series,
    speed: Series,
    cpu: Series,
}

pub(super) fn measure(stage: &Stage, figures: &mut Figures) -> anyhow::Result<()> {
    let mut cells = [
        cell("PUT 20 MiB, signed chunks with Content-MD5", Ask::PutLarge, 1.25),
        cell("GET 20 MiB", Ask::GetLarge, 1.15),
    ];
    for round in 1..=ROUNDS {
        say(&format!("large bodies, round {round} of {ROUNDS}"));
        for cell in &mut cells {
            for route in Route::ALL {
                stage.interrupt.check()?;
                cell.measure(stage, route)?;
            }
        }
    }
    for Cell { name, goal, seconds_per_gb, speed, cpu, .. } in cells {
        let of = |part, unit, base, series| Compared {
            name: format!("{name}, {part}"),
            unit,
            base,
            series,
        };
        let cpu_unit = Unit::CpuSecondsPerGigabyte;
        figures.compare(of("CPU", cpu_unit, Route::Relay, cpu), Some(goal));
        figures.compare(of("wall per GB", Unit::Seconds, Route::Direct, seconds_per_gb), None);
        figures.compare(of("speed", Unit::MegabytesPerSecond, Route::Direct, speed), None);
    }
    Ok(())
}

fn cell(name: &'static str, ask: Ask, goal: f64) -> Cell {
    let empty = Series::default;
    Cell { name, ask, goal, seconds_per_gb: empty(), speed: empty(), cpu: empty() }
}

impl Cell {
    fn measure(&mut self, stage: &Stage, route: Route) -> anyhow::Result<()> {
        let request = stage.prepare(route, self.ask)?;
        let mut connection = stage.connect(route)?;
        let mut exchange = |count: u32| (0..count).try_for_each(|_| connection.exchange(&request));
        exchange(WARM_UP)?;
        let before = stage.cpu(route)?;
        let begun = Instant::now();
        exchange(REQUESTS)?;
        let wall = begun.elapsed();
        let after = stage.cpu(route)?;
        let gigabytes = f64::from(REQUESTS) * LARGE_BYTES as f64 / 1e9;
        self.seconds_per_gb.push(route, wall.as_secs_f64() / gigabytes);
        self.speed.push(route, gigabytes * 1000.0 / wall.as_secs_f64());
        if let Some((before, after)) = before.zip(after) {
            self.cpu.push(route, (after - before).as_secs_f64() / gigabytes);
        }
        Ok(())
    }
}
