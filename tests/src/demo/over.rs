// SPDX-License-Identifier: Apache-2.0
//! Tells the threads beside the main one that it is over, at once wherever they wait.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Over or not; it never turns back.
#[derive(Debug, Default)]
pub(super) struct Over {
    said: Mutex<bool>,
    bell: Condvar,
}

/// Says that it is over when it is dropped, even by a panic: a scope waits for its threads.
pub(super) struct SayOver<'a>(pub(super) &'a Over);

impl Drop for SayOver<'_> {
    fn drop(&mut self) {
        *self.0.said.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.bell.notify_all();
    }
}

impl Over {
    /// Waits for the end, but not longer than this; true if it is over.
    pub(super) fn within(&self, span: Duration) -> bool {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(said, span, |said| !*said);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_thread_learns_of_the_end_even_when_the_other_one_panics() {
        let over = Over::default();
        assert!(!over.within(Duration::ZERO));
        let heard = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| over.within(Duration::from_secs(600)));
            let failing = scope.spawn(|| {
                let _say = SayOver(&over);
                panic!("on purpose");
            });
            assert!(failing.join().is_err());
            waiting.join().unwrap()
        });
        assert!(heard);
    }
}
