// SPDX-License-Identifier: Apache-2.0
//! A line of limited width, shared by all that goes over it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often a second something moves, so that a narrow line is slow and does not stutter.
const MOVES: u64 = 50;
const LARGEST_PIECE: u64 = 64 * 1024;

/// So many bytes a second.
#[derive(Debug)]
pub(crate) struct Rate {
    bytes_per_second: u64,
    /// When all that was let through so far has gone over the line.
    busy_until: Mutex<Option<Instant>>,
}

impl Rate {
    pub(crate) fn new(bytes_per_second: u64) -> Rate {
        Rate { bytes_per_second: bytes_per_second.max(1), busy_until: Mutex::default() }
    }

    /// How many bytes may be let through at a time.
    pub(crate) fn piece(&self) -> usize {
        let piece = (self.bytes_per_second / MOVES).clamp(1, LARGEST_PIECE);
        usize::try_from(piece).unwrap_or(usize::MAX)
    }

    /// Waits until so many more bytes have gone over the line.
    pub(crate) async fn take(&self, bytes: usize) {
        let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let over = {
            let mut busy_until = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
            let over = busy_until.unwrap_or_else(Instant::now).max(Instant::now()) + takes;
            *busy_until = Some(over);
            over
        };
        tokio::time::sleep_until(over).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn two_users_of_a_line_share_its_width() {
        let rate = Rate::new(10_000);
        let begun = Instant::now();
        tokio::join!(rate.take(1_000), rate.take(1_000));
        assert!(begun.elapsed() >= Duration::from_millis(200));
    }
}
