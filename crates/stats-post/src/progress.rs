// SPDX-License-Identifier: Apache-2.0
//! Progress: totals since the run began, posted while it goes on. None of its troubles matters to anybody
//! but its reader: the next sample says it all again.

use std::time::Duration;

use crate::answer::Answer;
use crate::metrics::{Metrics, What};
use crate::report::Report;
use crate::sender::Sender;
use crate::target::ProgressTarget;

/// A run that moves nothing says so at every so many ticks: silence would look like a dead sidecar.
const HEARTBEAT: u32 = 4;
/// A server that has enough of us is left alone for so long at most.
const LONGEST: Duration = Duration::from_mins(10);

/// Posts samples, and knows when the next one is due.
#[derive(Debug)]
pub(crate) struct Progress {
    target: ProgressTarget,
    pace: Pace,
    trouble: Option<&'static str>,
}

/// When to post.
#[derive(Debug)]
struct Pace {
    every: Duration,
    wait: Duration,
    last: Option<Report>,
    unchanged: u32,
}

impl Progress {
    pub(crate) fn new(target: ProgressTarget, every: Duration) -> Self {
        let pace = Pace { every, wait: every, last: None, unchanged: 0 };
        Self { target, pace, trouble: None }
    }

    /// How long until the next tick.
    pub(crate) fn wait(&self) -> Duration {
        self.pace.wait
    }

    /// A tick.
    pub(crate) async fn tick(&mut self, report: &Report, sender: &Sender, metrics: &Metrics) {
        if !self.pace.is_due(report) {
            return;
        }
        let Some(letter) = self.target.letter(report) else { return };
        let answer = sender.send(&letter, None).await;
        metrics.posted(What::Progress, &answer);
        self.tell(&answer);
        self.pace.after(&answer, report);
    }

    /// Once for each change.
    fn tell(&mut self, answer: &Answer) {
        let now = answer.trouble().map(|_| answer.label());
        if now == self.trouble {
            return;
        }
        match answer.trouble() {
            Some(why) => tracing::warn!(error = why, "progress is not taken"),
            None => tracing::info!("progress is taken again"),
        }
        self.trouble = now;
    }
}

impl Pace {
    /// Something moved, or it is time to say that nothing did.
    fn is_due(&mut self, report: &Report) -> bool {
        if self.last.as_ref().is_none_or(|last| !last.says_the_same(report)) {
            return true;
        }
        self.unchanged += 1;
        self.unchanged >= HEARTBEAT
    }

    /// An outage is asked again at the next tick; "too often" and refusals make ticks rarer.
    fn after(&mut self, answer: &Answer, report: &Report) {
        let slower = (self.wait * 2).min(LONGEST.max(self.every));
        self.wait = match answer {
            Answer::Accepted | Answer::Duplicate | Answer::Unsent(_) | Answer::Later(_, None) => {
                self.every
            }
            Answer::Later(_, Some(wait)) => (*wait).max(self.every),
            Answer::TooOften(_, wait) => wait.unwrap_or_default().max(slower),
            Answer::Conflict(_) | Answer::Refused(_) => slower,
        };
        if answer.trouble().is_none() {
            self.last = Some(report.clone());
            self.unchanged = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::about::About;
    use crate::neighbours::Seen;
    use crate::tallies::Tallies;
    use jiff::Timestamp;

    const EVERY: Duration = Duration::from_secs(30);

    fn report(bytes: u64) -> Report {
        let about =
            About { run_id: "r".to_owned(), type_: None, group: None, namespace: None, job: None };
        let tallies = Tallies { sent_raw_bytes: Some(bytes), ..Tallies::default() };
        Report::running(&about, &Seen { tallies, ..Seen::default() }, Timestamp::UNIX_EPOCH)
    }

    fn pace() -> Pace {
        Pace { every: EVERY, wait: EVERY, last: None, unchanged: 0 }
    }

    #[test]
    fn a_run_that_moves_nothing_says_so_at_every_fourth_tick() {
        let mut pace = pace();
        let mut due = Vec::new();
        for _ in 0..10 {
            due.push(pace.is_due(&report(1)));
            if due.last() == Some(&true) {
                pace.after(&Answer::Accepted, &report(1));
            }
        }
        assert_eq!(due, [true, false, false, false, true, false, false, false, true, false]);
        assert!(pace.is_due(&report(2)));
    }

    #[test]
    fn too_often_makes_ticks_rarer_until_one_is_taken() {
        let mut pace = pace();
        let mut wait = |answer: Answer| {
            pace.after(&answer, &report(1));
            pace.wait
        };
        let too_often = |wait| Answer::TooOften(String::new(), wait);
        assert_eq!(wait(too_often(None)), 2 * EVERY);
        assert_eq!(wait(too_often(Some(Duration::from_secs(5)))), 4 * EVERY);
        assert_eq!(wait(too_often(Some(Duration::from_secs(500)))), Duration::from_secs(500));
        assert_eq!(wait(Answer::Refused(String::new())), LONGEST);
        assert_eq!(wait(Answer::Later(String::new(), None)), EVERY);
        assert_eq!(wait(Answer::Later(String::new(), Some(2 * EVERY))), 2 * EVERY);
        assert_eq!(wait(Answer::Accepted), EVERY);
    }

    #[test]
    fn a_sample_that_was_not_taken_is_due_again() {
        let mut pace = pace();
        assert!(pace.is_due(&report(1)));
        pace.after(&Answer::Later(String::new(), None), &report(1));
        assert!(pace.is_due(&report(1)));
    }
}
