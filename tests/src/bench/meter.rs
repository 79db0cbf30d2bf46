// SPDX-License-Identifier: Apache-2.0
//! The processor time of another process.

use std::time::Duration;

use anyhow::Context;
use testbed::Usage;

/// Processor time of all threads that live now, user and system.
///
/// The scheduler counts in nanoseconds; `/proc/PID/stat` would only tell hundredths of a second,
/// and is asked where the kernel keeps no such count.
pub(super) fn cpu(process: u32) -> anyhow::Result<Duration> {
    match scheduled(process).context("the scheduler's count")? {
        time if time.is_zero() => Ok(Usage::of(process)?.cpu),
        time => Ok(time),
    }
}

fn scheduled(process: u32) -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end between the listing and the look.
        let text = std::fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        let ran = text.split_whitespace().next();
        nanoseconds += ran.and_then(|text| text.parse().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_costs_about_its_time() {
        let own = std::process::id();
        let (begun, before) = (Instant::now(), cpu(own).unwrap());
        let mut rounds = 0_u64;
        while cpu(own).unwrap() < before + Duration::from_millis(30) {
            rounds += 1;
            assert!(begun.elapsed() < Duration::from_secs(20), "{rounds} looks and no time");
        }
    }

    #[test]
    fn a_process_that_is_gone_is_an_error() {
        assert!(cpu(u32::MAX).is_err());
    }
}
