// SPDX-License-Identifier: Apache-2.0
//! When to ask again: pure arithmetic, relative to the real lifetime of the sets, so that sets of
//! three seconds are kept fresh as well as those of an hour.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use crate::Error;

/// No two tries are further apart while the issuer fails, however long the set still serves.
const LONGEST: Duration = Duration::from_secs(30);

/// The longest pause while callers are being turned away.
const LONGEST_WITHOUT_SET: Duration = Duration::from_secs(2);

/// The same, when the issuer refuses: grants change seldom.
const LONGEST_DENIED: Duration = Duration::from_secs(10);

/// The first pause after a refusal.
const FIRST_DENIED: Duration = Duration::from_secs(1);

/// The first pause is a tenth of the lifetime within these bounds.
const FIRST_AT_MOST: Duration = Duration::from_secs(5);

/// Issuers behind issuers take their time.
const LEAST_PATIENCE: Duration = Duration::from_secs(2);

/// A set is not handed out in the last 5 % of its life, at most its last second: the request must
/// still reach the store.
pub(super) fn margin(lifetime: Duration) -> Duration {
    (lifetime / 20).min(Duration::from_secs(1))
}

/// After how long to ask for the next set: 50 to 60 % of what is left. `jitter` is within 0 to 1.
pub(super) fn refresh_in(left: Duration, jitter: f64) -> Duration {
    left.mul_f64(0.5 + 0.1 * jitter.clamp(0.0, 1.0))
}

/// How long one fetch may take: half of what the held set has left, so that one lost answer leaves
/// time for another try, but at least 2 s and at most what the source allows.
pub(super) fn patience(allowed: Duration, left: Left) -> Duration {
    match left {
        Left::For(left) => allowed.min((left / 2).max(LEAST_PATIENCE)),
        Left::Nothing | Left::Forever => allowed,
    }
}

/// How long after the last fetch to ask again when the store refused what it brought. It doubles
/// with each set in a row that was refused: a store that takes none must not cost an issue each
/// fifth of a second.
pub(super) fn after_refusals(floor: Duration, in_a_row: u32) -> Duration {
    floor * 2_u32.pow(in_a_row.saturating_sub(1).min(5))
}

/// The pauses of one run of failures.
pub(super) struct Retry {
    floor: Duration,
    pauses: ExponentialBackoff,
}

impl Retry {
    /// Begins with a tenth of the lifetime of the set that is to be replaced.
    pub(super) fn new(floor: Duration, lifetime: Option<Duration>) -> Self {
        let tenth = lifetime.map_or(floor, |lifetime| lifetime / 10);
        let first = tenth.clamp(floor, FIRST_AT_MOST.max(floor));
        let pauses = ExponentialBuilder::new()
            .with_min_delay(first)
            .with_max_delay(LONGEST)
            .without_max_times()
            .with_jitter()
            .build();
        Self { floor, pauses }
    }

    /// The next pause, not yet bounded by what is useful.
    pub(super) fn next(&mut self, error: &Error) -> Pause {
        let least = if error.is_denied() { FIRST_DENIED } else { self.floor };
        let wish = self.pauses.next().unwrap_or(LONGEST).max(least);
        Pause { wish, asked: error.retry_after(), denied: error.is_denied(), floor: self.floor }
    }
}

/// A pause after a failed fetch. How long it is depends on whether a valid set is still held,
/// which may change while it lasts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    wish: Duration,
    asked: Option<Duration>,
    denied: bool,
    floor: Duration,
}

impl Pause {
    /// Its length, given how long the held set is still valid: `None` if none is, or for ever.
    pub(super) fn length(&self, left: Left) -> Duration {
        let useful = match left {
            Left::Nothing if self.denied => LONGEST_DENIED,
            Left::Nothing => LONGEST_WITHOUT_SET,
            // A quarter of the rest leaves several tries before the set expires.
            Left::For(left) => LONGEST.min(left / 4),
            Left::Forever => LONGEST,
        };
        // What the issuer asked for was bounded where it was read.
        let least = if self.denied { FIRST_DENIED } else { self.floor };
        self.wish.min(useful).max(least).max(self.asked.unwrap_or_default())
    }
}

/// How long the held set still serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    For(Duration),
    Forever,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    const FLOOR: Duration = Duration::from_millis(200);

    fn error(kind: Kind) -> Error {
        Error::new(kind, "test", "failed")
    }

    fn pauses(kind: Kind, lifetime: Option<Duration>, left: Left) -> Vec<Duration> {
        let mut retry = Retry::new(FLOOR, lifetime);
        (0..50).map(|_| retry.next(&error(kind)).length(left)).collect()
    }

    #[test]
    fn the_next_set_is_asked_for_at_half_of_the_rest_or_a_little_later() {
        for seconds in [1, 3, 10, 900, 3600, 43_200] {
            let left = Duration::from_secs(seconds);
            assert_eq!(refresh_in(left, 0.0), left / 2);
            assert_eq!(refresh_in(left, 1.0), left.mul_f64(0.6));
        }
    }

    #[test]
    fn the_margin_never_eats_more_than_a_twentieth_of_a_set() {
        assert_eq!(margin(Duration::from_secs(3)), Duration::from_millis(150));
        assert_eq!(margin(Duration::from_secs(3600)), Duration::from_secs(1));
    }

    #[test]
    fn without_a_set_tries_are_at_most_two_seconds_apart_and_at_least_the_floor() {
        let pauses = pauses(Kind::Unavailable, None, Left::Nothing);
        assert!(pauses[0] < 2 * FLOOR, "{pauses:?}");
        assert!(pauses.iter().all(|pause| (FLOOR..=LONGEST_WITHOUT_SET).contains(pause)));
        assert_eq!(pauses[49], LONGEST_WITHOUT_SET);
    }

    #[test]
    fn a_refusal_is_tried_again_more_slowly() {
        let pauses = pauses(Kind::Denied, None, Left::Nothing);
        assert!(pauses.iter().all(|pause| (FIRST_DENIED..=LONGEST_DENIED).contains(pause)));
        assert_eq!(pauses[49], LONGEST_DENIED);
    }

    #[test]
    fn while_a_set_serves_several_tries_fit_before_it_expires() {
        let hour = Some(Duration::from_secs(3600));
        for pause in pauses(Kind::Timeout, hour, Left::For(Duration::from_secs(20))) {
            assert!(pause <= Duration::from_secs(5), "{pause:?}");
        }
        let calm = pauses(Kind::Timeout, hour, Left::For(Duration::from_secs(1800)));
        assert!(calm[0] >= FIRST_AT_MOST && calm[49] == LONGEST, "{calm:?}");
    }

    #[test]
    fn one_lost_answer_does_not_use_up_the_life_of_a_set() {
        let ten = Duration::from_secs(10);
        assert_eq!(patience(ten, Left::Nothing), ten);
        assert_eq!(patience(ten, Left::For(Duration::from_secs(1800))), ten);
        assert_eq!(patience(ten, Left::For(Duration::from_secs(6))), Duration::from_secs(3));
        assert_eq!(patience(ten, Left::For(Duration::from_secs(1))), LEAST_PATIENCE);
    }

    #[test]
    fn what_the_issuer_asks_for_is_waited_for() {
        let busy = error(Kind::Unavailable).with_retry_after(Some(Duration::from_secs(17)));
        let pause = Retry::new(FLOOR, None).next(&busy);
        assert_eq!(pause.length(Left::Nothing), Duration::from_secs(17));
    }
}
