// SPDX-License-Identifier: Apache-2.0
//! Requests that wait: whoever works below a path comes so far and no further, for as long as a test needs to
//! do it harm. No width of a line does that on machines of any speed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedMutexGuard, watch};

/// The paths that are held; clones share them.
#[derive(Clone, Debug)]
pub struct Holds {
    held: Arc<Mutex<BTreeMap<String, Held>>>,
    changed: Arc<watch::Sender<()>>,
}

#[derive(Debug)]
struct Held {
    /// Bytes that may still move.
    left: u64,
    /// Requests are let through one by one: only then is it known how much each has moved.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Default for Holds {
    fn default() -> Holds {
        Holds { held: Arc::default(), changed: Arc::new(watch::Sender::new(())) }
    }
}

impl Holds {
    /// Lets `after` bytes of bodies, both ways, move below a path such as `/bucket/prefix/`; the request that
    /// reaches the limit is the last one that is served before [`Holds::release`].
    pub fn hold(&self, path: &str, after: u64) {
        self.lock().insert(path.to_owned(), Held { left: after, turn: Arc::default() });
    }

    /// Lets all that waits below the path go on; `false` if nothing was held there.
    pub fn release(&self, path: &str) -> bool {
        let was_held = self.lock().remove(path).is_some();
        self.changed.send_replace(());
        was_held
    }

    /// Waits until it is the request's turn; what is returned keeps the turn.
    pub(crate) async fn pass(&self, path: &str) -> Option<OwnedMutexGuard<()>> {
        let turn = self.of(path, |held| Arc::clone(&held.turn))?.lock_owned().await;
        let mut changes = self.changed.subscribe();
        while self.of(path, |held| held.left) == Some(0) {
            changes.changed().await.ok()?;
        }
        Some(turn)
    }

    /// Takes the bytes of bodies from what may move below their path.
    pub(crate) fn moved(&self, path: &str, bytes: u64) {
        self.of(path, |held| held.left = held.left.saturating_sub(bytes));
    }

    fn of<T>(&self, path: &str, ask: impl FnOnce(&mut Held) -> T) -> Option<T> {
        let mut all = self.lock();
        let (_, held) = all.iter_mut().find(|(held, _)| path.starts_with(held.as_str()))?;
        Some(ask(held))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_has_moved_what_is_allowed_waits_until_released() {
        let holds = Holds::default();
        holds.hold("/bucket/a/", 10);
        holds.moved("/bucket/a/1", 9);
        assert!(holds.pass("/bucket/a/2").now_or_never().is_some(), "a byte is left");
        holds.moved("/bucket/a/2", 9);
        assert!(holds.pass("/bucket/b/1").now_or_never().is_some(), "another's path");
        let waiting = holds.pass("/bucket/a/3");
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(holds.release("/bucket/a/"));
        waiting.await;
        assert!(!holds.release("/bucket/a/"), "released already");
    }

    #[tokio::test]
    async fn requests_that_come_together_cannot_pass_the_limit_together() {
        let holds = Holds::default();
        holds.hold("/bucket/", 10);
        let first = holds.pass("/bucket/1").now_or_never().expect("it is its turn");
        let second = holds.pass("/bucket/2");
        tokio::pin!(second);
        assert!(second.as_mut().now_or_never().is_none(), "the first is not counted yet");
        holds.moved("/bucket/1", 10);
        drop(first);
        assert!(second.as_mut().now_or_never().is_none(), "held");
        holds.release("/bucket/");
        second.await;
    }
}
