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
use super::upstream::Kind;
use crate::interrupt::Interrupt;

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
    cpu: Series,
}

/// To the origin: what is judged.
pub(super) fn measure(stage: &Stage, figures: &mut Figures) -> anyhow::Result<()> {
    let asks = [
        ("GET 1 KiB", Ask::GetSmall),
        ("GET 1 KiB, head and body apart", Ask::GetSmallSplit),
        ("HEAD", Ask::HeadSmall),
    ];
    run(stage, "small requests", &asks, Some(GOAL), figures)
}

/// To an S3 server, which verifies a signature as ours does and reads a file: for comparison.
pub(super) fn measure_store(interrupt: &Interrupt, figures: &mut Figures) -> anyhow::Result<()> {
    let stage = Stage::open(Kind::Store, interrupt)?;
    let object = stage.prepare(Route::Direct, Ask::PutSmall)?;
    stage.connect(Route::Direct)?.exchange(&object)?;
    let asks = [("S3 server, GET 1 KiB", Ask::GetSmall), ("S3 server, HEAD", Ask::HeadSmall)];
    run(&stage, "small requests to an S3 server", &asks, None, figures)
}

fn run(
    stage: &Stage,
    what: &str,
    asks: &[(&str, Ask)],
    goal: Option<f64>,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let cell = |&(name, ask): &(&str, Ask)| [1, 8].map(|count| Cell::new(name, ask, count));
    let mut cells: Vec<Cell> = asks.iter().flat_map(cell).collect();
    for round in 1..=ROUNDS {
        say(&format!("{what}, round {round} of {ROUNDS}"));
        for cell in &mut cells {
            for route in Route::ALL {
                stage.interrupt.check()?;
                cell.measure(stage, route)?;
            }
        }
    }
    for Cell { name, p50, p99, cpu, .. } in cells {
        let unit = Unit::Microseconds;
        let of =
            |part, base, series| Compared { name: format!("{name}, {part}"), unit, base, series };
        figures.compare(of("p50", Route::Direct, p50), goal);
        figures.compare(of("p99", Route::Direct, p99), None);
        figures.compare(of("CPU", Route::Relay, cpu), None);
    }
    Ok(())
}

impl Cell {
    fn new(name: &str, ask: Ask, connections: usize) -> Cell {
        let plural = if connections == 1 { "" } else { "s" };
        let name = format!("{name}, {connections} connection{plural}");
        let [p50, p99, cpu] = [const { Series::new() }; 3];
        Cell { name, ask, connections, p50, p99, cpu }
    }

    fn measure(&mut self, stage: &Stage, route: Route) -> anyhow::Result<()> {
        let before = stage.cpu(route)?;
        let times = self.times(stage, route)?;
        let used = stage.cpu(route)?.zip(before).map(|(after, before)| after - before);
        self.p50.push(route, percentile_us(&times, 50));
        self.p99.push(route, percentile_us(&times, 99));
        if let Some(used) = used {
            let requests = times.len() + WARM_UP * self.connections;
            self.cpu.push(route, used.as_secs_f64() * 1e6 / requests as f64);
        }
        Ok(())
    }

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
