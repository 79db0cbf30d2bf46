// SPDX-License-Identifier: Apache-2.0
//! A program from its start to its end, and what it used.
//!
//! The kernel keeps an ended process's processor time until its parent asks for its exit code, and
//! gives up its memory at once: so the peak is looked at all the while, and the time at the end.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use testbed::{Running, Spawn};

use crate::interrupt::Interrupt;

/// How often memory is looked at, and the end: a thousandth of what a run takes.
const LOOK: Duration = Duration::from_millis(1);
/// Nothing here takes as long.
const LIMIT: Duration = Duration::from_secs(900);
/// `/proc/PID/stat` counts in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// What a program used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::bench) struct Used {
    pub(in crate::bench) wall: Duration,
    /// User and system.
    pub(in crate::bench) cpu: Duration,
    pub(in crate::bench) peak_rss_bytes: u64,
}

impl Used {
    /// One after the other.
    pub(in crate::bench) fn then(self, next: Used) -> Used {
        Used {
            wall: self.wall + next.wall,
            cpu: self.cpu + next.cpu,
            peak_rss_bytes: self.peak_rss_bytes.max(next.peak_rss_bytes),
        }
    }
}

/// Runs a program that must succeed.
pub(in crate::bench) fn run(spawn: Spawn, interrupt: &Interrupt) -> anyhow::Result<Used> {
    let begun = Instant::now();
    let mut run = spawn.start()?;
    let mut used = Used::default();
    loop {
        let (state, cpu) = stat(run.id())?;
        if state == 'Z' {
            used = Used { wall: begun.elapsed(), cpu, ..used };
            break;
        }
        // It may end between the two looks.
        used.peak_rss_bytes = run.usage().map_or(used.peak_rss_bytes, |now| now.peak_rss_bytes);
        interrupt.check()?;
        ensure!(begun.elapsed() < LIMIT, "it does not end\n{}", run.story());
        std::thread::sleep(LOOK);
    }
    succeeded(&mut run)?;
    Ok(used)
}

fn succeeded(run: &mut Running) -> anyhow::Result<()> {
    let status = run.wait(LIMIT)?;
    ensure!(status.success(), "it ended with {status}\n{}", run.story());
    Ok(())
}

/// The state of a process, and the processor time of all its threads, ended ones included.
fn stat(process: u32) -> anyhow::Result<(char, Duration)> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the program's name and may hold anything, so count behind it.
    let (_, rest) = text.rsplit_once(')').context("/proc/PID/stat has an unknown form")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let state = fields.first().and_then(|field| field.chars().next());
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u32>().ok());
    // Its own, and that of its children that have ended.
    let cpu = [11, 12, 13, 14].into_iter().map(ticks).sum::<Option<u32>>().map(|sum| TICK * sum);
    state.zip(cpu).context("/proc/PID/stat has an unknown form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_used_is_known_after_its_end() {
        let script = "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; sleep 0.05";
        let spawn = Spawn::new("sh").args(["-c", script]);
        let used = run(spawn, &Interrupt::listen().unwrap()).unwrap();
        assert!(used.cpu >= TICK && used.cpu <= used.wall + TICK, "{used:?}");
        assert!(used.peak_rss_bytes > 100 * 1024, "{used:?}");
    }

    #[test]
    fn a_program_that_fails_is_an_error_with_what_it_said() {
        let spawn = Spawn::new("sh").args(["-c", "echo why; exit 3"]);
        let error = run(spawn, &Interrupt::listen().unwrap()).unwrap_err().to_string();
        assert!(error.contains("why"), "{error}");
    }

    #[test]
    fn of_two_in_turn_times_add_up_and_the_larger_memory_counts() {
        let of = |ms, mib| Used {
            wall: Duration::from_millis(ms),
            cpu: Duration::from_millis(ms),
            peak_rss_bytes: mib,
        };
        assert_eq!(of(2, 9).then(of(3, 4)), of(5, 9));
    }
}
