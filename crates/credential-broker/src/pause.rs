// SPDX-License-Identifier: Apache-2.0
//! How long an issuer is left alone after it failed: pure arithmetic.

use std::time::Duration;

use tokio::time::Instant;

use crate::trouble::Trouble;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// How long a run of failures is remembered behind its pause: the next failure within it doubles the pause.
const MEMORY: Duration = Duration::from_secs(60);

/// A failure that keeps askers away for a while.
#[derive(Debug, Clone)]
pub(crate) struct Pause {
    trouble: Trouble,
    in_a_row: u32,
    until: Instant,
}

impl Pause {
    /// After a refusal, of a fixed length: grants change seldom.
    pub(crate) fn refused(trouble: Trouble, length: Duration, now: Instant) -> Self {
        Self { trouble, in_a_row: 0, until: now + length }
    }

    /// After an outage: it doubles with each in a row, but is never shorter than what the issuer asked for.
    /// `jitter` is within 0 to 1.
    pub(crate) fn failed(
        trouble: Trouble,
        before: Option<&Self>,
        now: Instant,
        jitter: f64,
    ) -> Self {
        let in_a_row = before.map_or(0, |pause| pause.in_a_row) + 1;
        let wish = FIRST * 2_u32.pow((in_a_row - 1).min(5));
        let spread = wish.min(LONGEST).mul_f64(0.75 + 0.25 * jitter.clamp(0.0, 1.0));
        let length = spread.max(trouble.retry_after.unwrap_or_default());
        Self { trouble, in_a_row, until: now + length }
    }

    /// The trouble, with the time that is left, while it lasts.
    pub(crate) fn holding(&self, now: Instant) -> Option<Trouble> {
        let left = self.until.checked_duration_since(now).filter(|left| !left.is_zero())?;
        Some(Trouble { retry_after: Some(left), ..self.trouble.clone() })
    }

    /// Until when it is worth remembering.
    pub(crate) fn memory(&self) -> Instant {
        self.until + MEMORY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trouble::Cause;

    fn outage() -> Trouble {
        Trouble::new(Cause::Failed, "boom")
    }

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let now = Instant::now();
        let mut pause = Pause::failed(outage(), None, now, 1.0);
        let mut seconds = vec![];
        for _ in 0..8 {
            seconds.push(pause.until.duration_since(now).as_secs());
            pause = Pause::failed(outage(), Some(&pause), now, 1.0);
        }
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30, 30]);
        let least = Pause::failed(outage(), None, now, 0.0).until.duration_since(now);
        assert_eq!(least, Duration::from_millis(750));
    }

    #[test]
    fn what_the_issuer_asks_for_is_the_least() {
        let now = Instant::now();
        let busy = outage().after(Some(Duration::from_secs(17)));
        let pause = Pause::failed(busy, None, now, 0.5);
        let left = pause.holding(now + Duration::from_secs(7)).unwrap().retry_after;
        assert_eq!(left, Some(Duration::from_secs(10)));
        assert_eq!(pause.holding(now + Duration::from_secs(17)), None);
    }
}
