// SPDX-License-Identifier: Apache-2.0
//! A valid set, always at hand: one background task asks the provider, everybody else reads.
//!
//! There is never more than one fetch under way, as only the task fetches; whoever needs a newer
//! set wakes it and waits for its next result. The set last received serves as long as it is
//! valid, whatever happens to the issuer meanwhile.

mod clock;
mod refresh;
mod state;
mod timing;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

pub use clock::{Clock, SystemClock};
pub use state::{Held, State, Status};

use crate::{Error, Kind, Provider};
use clock::Now;
use state::Sets;

/// How to keep a set fresh; the defaults are those to use outside tests.
#[derive(Clone)]
pub struct Settings {
    /// The shortest time between two tries.
    pub floor: Duration,
    /// After this time without a newer set, one that the store refused is handed out again: the
    /// refusal may have been the store's fault.
    pub second_chance: Duration,
    /// The clock by which sets expire.
    pub clock: Arc<dyn Clock>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            floor: Duration::from_millis(200),
            second_chance: Duration::from_secs(5),
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("floor", &self.floor)
            .field("second_chance", &self.second_chance)
            .finish_non_exhaustive()
    }
}

/// A handle to the set that is held now; clones share it. The refresh ends with the last handle.
#[derive(Clone)]
pub struct Live(Arc<Task>);

struct Task {
    shared: Arc<Shared>,
    refresh: JoinHandle<()>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.refresh.abort();
    }
}

impl Live {
    /// Starts to fetch, and to keep fresh, on the current tokio runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start(provider: Box<dyn Provider>, settings: Settings) -> Self {
        let shared = Arc::new(Shared {
            origin: provider.name().to_owned(),
            settings,
            sets: RwLock::new(Sets::default()),
            version: watch::Sender::new(0),
            wanted: Notify::new(),
            stopped: AtomicBool::new(false),
        });
        let refresh = tokio::spawn(refresh::run(Arc::clone(&shared), provider));
        Self(Arc::new(Task { shared, refresh }))
    }

    /// The set to sign with now. `None` while there is none, it expires within its margin (5 % of
    /// its lifetime, at most 1 s), or the store refused it.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Held>> {
        self.0.shared.current()
    }

    /// Says that the store no longer takes the set of this generation, which is then not handed
    /// out again, and waits for a newer one.
    ///
    /// # Errors
    /// The issuer's refusal at once; after `wait` the last error, or one of [`Kind::Timeout`].
    pub async fn refresh_after(&self, generation: u64, wait: Duration) -> Result<Arc<Held>, Error> {
        let shared = &self.0.shared;
        let mut version = shared.version.subscribe();
        shared.reject(generation);
        let newer = async {
            loop {
                version.borrow_and_update();
                if let Some(outcome) = shared.newer_than(generation) {
                    return outcome;
                }
                if version.changed().await.is_err() {
                    return Err(shared.stopped());
                }
            }
        };
        tokio::time::timeout(wait, newer).await.unwrap_or_else(|_| Err(shared.nothing_came(wait)))
    }

    /// What is held and how the last fetch went.
    #[must_use]
    pub fn status(&self) -> Status {
        let now = self.0.shared.now();
        self.0.shared.read(|sets| sets.status(now))
    }

    /// Waits for the next change of the status. It counts from this call, not from the first poll:
    /// take the future, look at the status, then wait.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut version = self.0.shared.version.subscribe();
        async move {
            if version.changed().await.is_err() {
                // All handles are gone: nothing will ever change.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Ends the refresh. The held set serves on while it is valid.
    pub fn stop(&self) {
        self.0.refresh.abort();
        self.0.shared.stopped.store(true, Ordering::Release);
        self.0.shared.publish();
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = &self.0.shared.origin;
        f.debug_struct("Live").field("origin", origin).field("status", &self.status()).finish()
    }
}

/// What the handles and the task share.
struct Shared {
    origin: String,
    settings: Settings,
    sets: RwLock<Sets>,
    version: watch::Sender<u64>,
    wanted: Notify,
    stopped: AtomicBool,
}

impl Shared {
    fn now(&self) -> Now {
        Now { wall: self.wall(), steady: tokio::time::Instant::now() }
    }

    fn wall(&self) -> SystemTime {
        self.settings.clock.now()
    }

    fn read<T>(&self, look: impl FnOnce(&Sets) -> T) -> T {
        look(&self.sets.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Sets) -> T) -> T {
        change(&mut self.sets.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    fn current(&self) -> Option<Arc<Held>> {
        let wall = self.wall();
        self.read(|sets| sets.current(wall))
    }

    fn reject(&self, generation: u64) {
        let now = self.now();
        if self.write(|sets| sets.reject(generation, now)) {
            tracing::debug!(source = self.origin, generation, "the store refuses the held set");
            self.wanted.notify_one();
            self.publish();
        }
    }

    /// The outcome a waiter waits for, if it is there.
    fn newer_than(&self, generation: u64) -> Option<Result<Arc<Held>, Error>> {
        let wall = self.wall();
        self.read(|sets| match sets.current(wall).filter(|held| held.generation > generation) {
            Some(held) => Some(Ok(held)),
            None => sets.last_error().filter(|error| error.is_denied()).cloned().map(Err),
        })
        .or_else(|| self.stopped.load(Ordering::Acquire).then(|| Err(self.stopped())))
    }

    fn stopped(&self) -> Error {
        Error::new(Kind::Unavailable, &self.origin, "the refresh was stopped")
    }

    fn nothing_came(&self, wait: Duration) -> Error {
        let last = self.read(|sets| sets.last_error().cloned());
        last.unwrap_or_else(|| {
            let message = format!("no newer set came within {} ms", wait.as_millis());
            Error::new(Kind::Timeout, &self.origin, message)
        })
    }
}
