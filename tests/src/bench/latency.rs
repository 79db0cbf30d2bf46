// SPDX-License-Identifier: Apache-2.0
//! Small requests: how long the middle one takes, and one in a hundred.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::connection::Connection;
use super::figure::{Compared, Figures, Unit};
use super::request::{Ask, Prepared};
use super::route::Route;
use super::say;
use super::series::{Series, percentile_us};
use super::stage::Stage;

const ROUNDS: usize = 11;
/// In a round, over all connections.
const REQUESTS: usize = 800;
/// On each connection, before time is taken.
const WARM_UP: usize = 25;
const GOAL: f64 = 2.5;

/// One kind of request over some connections.
struct Cell {
    name: String,
    ask: Ask,
    connections: usize,
    p50: Series,
    p99: Series,
}

pub(super) fn measure(stage: &Stage, figures: &mut Figures) -> anyhow::Result<()> {
    let mut cells = cells();
    for round in 1..=ROUNDS {
        say(&format!("small requests, round {round} of {ROUNDS}"));
        for cell in &mut cells {
            for route in Route::ALL {
                stage.interrupt.check()?;
                let times = cell.times(stage, route)?;
                cell.p50.push(route, percentile_us(&times, 50));
                cell.p99.push(route, percentile_us(&times, 99));
            }
        }
    }
    let (unit, base) = (Unit::Microseconds, Route::Direct);
    for Cell { name, p50, p99, .. } in cells {
        let of = |part, series| Compared { name: format!("{name}, {part}"), unit, base, series };
        figures.compare(of("p50", p50), Some(GOAL));
        figures.compare(of("p99", p99), None);
    }
    Ok(())
}

fn cells() -> Vec<Cell> {
    let asks = [
        ("GET 1 KiB", Ask::GetSmall),
        ("GET 1 KiB, head and body apart", Ask::GetSmallSplit),
        ("HEAD", Ask::HeadSmall),
    ];
    let cell = |name: &str, ask, connections| {
        let plural = if connections == 1 { "" } else { "s" };
        let name = format!("{name}, {connections} connection{plural}");
        Cell { name, ask, connections, p50: Series::default(), p99: Series::default() }
    };
    asks.iter().flat_map(|(name, ask)| [1, 8].map(|count| cell(name, *ask, count))).collect()
}

impl Cell {
    /// The times of all requests, in order of length.
    fn times(&self, stage: &Stage, route: Route) -> anyhow::Result<Vec<Duration>> {
        let request = stage.prepare(route, self.ask)?;
        let barrier = Barrier::new(self.connections);
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            connections.push(stage.connect(route)?);
        }
        let each = REQUESTS / self.connections;
        let mut times = std::thread::scope(|scope| {
            let (request, barrier) = (&request, &barrier);
            let threads: Vec<_> = connections
                .into_iter()
                .map(|connection| scope.spawn(move || timed(connection, request, barrier, each)))
                .collect();
            let mut times = Vec::with_capacity(REQUESTS);
            for thread in threads {
                let done = thread.join().map_err(|_| anyhow!("a client's thread panicked"))?;
                times.extend(done?);
            }
            anyhow::Ok(times)
        })?;
        times.sort_unstable();
        Ok(times)
    }
}

fn timed(
    mut connection: Connection,
    request: &Prepared,
    barrier: &Barrier,
    count: usize,
) -> anyhow::Result<Vec<Duration>> {
    let warm = (0..WARM_UP).try_for_each(|_| connection.exchange(request));
    // Also after an error: the others wait.
    barrier.wait();
    warm?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        connection.exchange(request)?;
        times.push(begun.elapsed());
    }
    Ok(times)
}
