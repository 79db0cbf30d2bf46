// SPDX-License-Identifier: Apache-2.0
//! What the proxy costs: the same work on four routes to one TLS origin, in one run, side by side.
//! And what a snapshot of an etcd and its restore cost, beside what people do without us.
//!
//! Absolute figures of a shared machine mean little, so everything is measured in rounds that take
//! the routes in turn, and what is judged is the median of the ratios within the rounds.

mod args;
mod backup;
mod bytes_moved;
mod cold_start;
mod column;
mod connection;
mod docs;
mod etcd;
mod figure;
mod latency;
mod markdown;
mod memory;
mod meter;
mod origin;
mod places;
mod proxy;
mod relay;
mod request;
mod restore;
mod route;
mod series;
mod stage;
mod upstream;

use std::io::Write;

pub use args::Args;

use crate::interrupt::Interrupt;
use args::{Part, Role};
use figure::Figures;
use stage::Stage;
use upstream::Kind;

/// Measures what the flags ask for, prints the tables and writes `target/bench.json`.
///
/// A missed goal is no error: figures are noisy, and the table says so plainly.
///
/// # Errors
/// What could not be measured; [`sidecar::Exit::Stopped`] after Ctrl-C.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.role {
        Some(Role::Origin(origin)) => origin::serve(origin),
        None => measure(args),
    }
}

fn measure(args: &Args) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    let mut figures = Figures::default();
    let is_wanted = |part: &Part| args.only.is_none_or(|only| only == *part);
    let of_the_proxy: Vec<Part> = Part::OF_THE_PROXY.into_iter().filter(is_wanted).collect();
    if !of_the_proxy.is_empty() {
        measure_proxy(&of_the_proxy, &interrupt, &mut figures)?;
    }
    if is_wanted(&Part::Etcd) {
        etcd::measure(args.etcd_mib, &interrupt, &mut figures)?;
    }
    if is_wanted(&Part::Restore) {
        restore::measure(args.etcd_mib, &interrupt, &mut figures)?;
    }
    figures.write_json(&places::in_target("bench.json")?)?;
    let text = markdown::tables(&figures);
    say(&text);
    if args.write_docs {
        docs::write(&places::docs()?, &text)?;
    }
    Ok(())
}

fn measure_proxy(
    parts: &[Part],
    interrupt: &Interrupt,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let stage = Stage::open(Kind::Origin, interrupt)?;
    parts.iter().try_for_each(|part| match part {
        Part::Latency => latency::measure(&stage, figures),
        Part::Store => latency::measure_store(interrupt, figures),
        Part::Bytes => bytes_moved::measure(&stage, figures),
        Part::Memory => memory::measure(&stage, figures),
        Part::Start => cold_start::measure(&stage, figures),
        Part::Backup => backup::measure(&stage, figures),
        Part::Etcd | Part::Restore => Ok(()),
    })
}

/// Prints a line; where standard output is closed, the exit code still tells.
fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}
