// SPDX-License-Identifier: Apache-2.0
//! Time-outs by inactivity: a request may take hours, as long as bytes move.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// When bytes last moved.
#[derive(Debug)]
pub(crate) struct Activity {
    started: Instant,
    last_ms: AtomicU64,
    is_callers_turn: AtomicBool,
}

impl Activity {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            last_ms: AtomicU64::new(0),
            is_callers_turn: AtomicBool::new(false),
        }
    }

    /// Notes that bytes moved just now.
    pub(crate) fn touch(&self) {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(elapsed, Ordering::Relaxed);
        self.is_callers_turn.store(false, Ordering::Relaxed);
    }

    /// Notes that we wait for the caller's next bytes.
    pub(crate) fn await_caller(&self) {
        self.is_callers_turn.store(true, Ordering::Relaxed);
    }

    /// Whether the last wait was for the caller.
    pub(crate) fn is_callers_turn(&self) -> bool {
        self.is_callers_turn.load(Ordering::Relaxed)
    }

    /// Returns once nothing has moved for `limit`.
    pub(crate) async fn idle(&self, limit: Duration) {
        loop {
            let deadline = self.last() + limit;
            if Instant::now() >= deadline {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }

    fn last(&self) -> Instant {
        self.started + Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_that_move_put_the_limit_off() {
        let activity = Activity::start();
        tokio::time::advance(Duration::from_secs(50)).await;
        activity.touch();
        let before = Instant::now();
        activity.idle(Duration::from_secs(60)).await;
        assert!(before.elapsed() >= Duration::from_secs(59));
    }
}
