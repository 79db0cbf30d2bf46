// SPDX-License-Identifier: Apache-2.0
//! One line per step, with its seconds, and a line now and then while a step is long.

use std::io::Write;
use std::time::{Duration, Instant};

/// Prints a line; where standard output is closed, the exit code still tells.
pub(super) fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}

/// Does a step, says what it is and how long it took.
pub(super) fn step<T>(
    name: &str,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Duration)> {
    let begun = Instant::now();
    let mut out = std::io::stdout();
    write!(out, "{name} ... ").and_then(|()| out.flush()).ok();
    let done = work();
    let took = begun.elapsed();
    let verdict = if done.is_ok() { "" } else { "failed after " };
    say(&format!("{verdict}{:.1} s", took.as_secs_f64()));
    Ok((done?, took))
}
