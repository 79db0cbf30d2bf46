// SPDX-License-Identifier: Apache-2.0
//! A report is posted until it is heard: with back-off, and within a deadline if there is one.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tokio::time::{Instant, sleep, timeout_at};

use crate::about::Key;
use crate::answer::{Answer, is_duplicate, says_twice};
use crate::metrics::{Metrics, What};
use crate::sender::Sender;
use crate::target::Letter;

const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);
/// A wait that a server asks for is cut so that one last try has this much of the grace left.
const LAST_TRY: Duration = Duration::from_secs(3);
/// The control plane tells reports apart by their run.
const ANOTHER: &str = "another report of this run is there: give each attempt a run id of its own";

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It was heard; `Duplicate` if an earlier try was.
    Heard(Heard),
    /// It will never be taken, and why.
    Refused(String),
    /// The deadline passed, and what the last try said.
    Late(String),
}

/// Which try was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    Now,
    Before,
}

/// Whether an earlier try, of this life or another, may have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Past {
    Unsent,
    MaybeSent,
}

/// Posts until it is heard, refused, or the deadline passes.
pub(crate) async fn deliver(
    sender: &Sender,
    metrics: &Metrics,
    (letter, key): (&Letter, &Key),
    past: Past,
    deadline: Option<Instant>,
) -> Delivery {
    // A year of seconds without a deadline.
    let end = deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(31_536_000));
    let mut pauses = backoff();
    let mut past = past;
    let mut last = "no try was possible".to_owned();
    loop {
        let Ok(answer) = timeout_at(end, sender.send(letter, Some(key))).await else {
            return Delivery::Late(format!("no answer until the grace was over; before: {last}"));
        };
        metrics.posted(What::Report, &answer);
        let next = if answer.may_have_arrived() { Past::MaybeSent } else { past };
        let wait = match settled(answer, past) {
            Ok(delivery) => return delivery,
            Err((why, wait)) => {
                if last != why {
                    tracing::warn!(error = why, "the report is not delivered yet");
                }
                last = why;
                wait
            }
        };
        past = next;
        let pause = pauses.next().unwrap_or(LONGEST);
        match pause_within(end.saturating_duration_since(Instant::now()), pause, wait) {
            Some(wait) => sleep(wait).await,
            None => return Delivery::Late(last),
        }
    }
}

/// How long to wait where so much is left; nothing if there is no room for another try. As long as the
/// server asks; if that is too long, until one last try has some time.
fn pause_within(left: Duration, pause: Duration, asked: Option<Duration>) -> Option<Duration> {
    let wait = match asked.map(|asked| asked.max(pause)) {
        Some(asked) if asked >= left => left.checked_sub(LAST_TRY)?,
        Some(asked) => asked,
        None => pause,
    };
    (wait < left).then_some(wait)
}

/// The end, or why to go on and after which wait.
fn settled(answer: Answer, past: Past) -> Result<Delivery, (String, Option<Duration>)> {
    match answer {
        Answer::Accepted => Ok(Delivery::Heard(Heard::Now)),
        Answer::Duplicate => Ok(Delivery::Heard(Heard::Before)),
        Answer::Conflict(why) if past == Past::MaybeSent && is_duplicate(&why) => {
            Ok(Delivery::Heard(Heard::Before))
        }
        // Nothing of ours can be there.
        Answer::Conflict(why) if past == Past::Unsent && says_twice(&why) => {
            Ok(Delivery::Refused(format!("{ANOTHER} ({why})")))
        }
        Answer::Conflict(why) | Answer::Refused(why) => Ok(Delivery::Refused(why)),
        Answer::TooOften(why, wait) | Answer::Later(why, wait) => Err((why, wait)),
        Answer::Unsent(why) => Err((why, None)),
    }
}

fn backoff() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(SHORTEST)
        .with_max_delay(LONGEST)
        .with_factor(2.0)
        .with_jitter()
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_ends_it_one_way_or_the_other() {
        for said in ["answered 409", "answered 409: the run was reported already"] {
            let conflict = |past| settled(Answer::Conflict(said.to_owned()), past);
            assert_eq!(conflict(Past::MaybeSent), Ok(Delivery::Heard(Heard::Before)));
            assert!(matches!(conflict(Past::Unsent), Ok(Delivery::Refused(_))), "{said}");
        }
    }

    #[test]
    fn a_wait_that_is_too_long_is_cut_for_one_last_try() {
        let seconds = Duration::from_secs;
        let within =
            |left, asked: Option<u64>| pause_within(seconds(left), seconds(1), asked.map(seconds));
        assert_eq!(within(25, None), Some(seconds(1)));
        assert_eq!(within(25, Some(0)), Some(seconds(1)));
        assert_eq!(within(25, Some(7)), Some(seconds(7)));
        assert_eq!(within(25, Some(300)), Some(seconds(22)));
        assert_eq!((within(2, Some(300)), within(1, None)), (None, None));
    }

    #[test]
    fn tries_come_apart_and_never_end() {
        let pauses: Vec<Duration> = backoff().take(100).collect();
        assert_eq!(pauses.len(), 100);
        assert!(pauses.iter().all(|pause| *pause >= SHORTEST && *pause < 3 * LONGEST));
        assert!(pauses[50] >= LONGEST);
    }
}
