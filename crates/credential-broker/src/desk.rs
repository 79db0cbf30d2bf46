// SPDX-License-Identifier: Apache-2.0
//! Where sets are handed out: what is held, else what the issuer brings, one question per key.
//!
//! An old set is handed out while it is valid and no newer one can be had; a refusal ends it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::books::{Books, Found};
use crate::flights::{Flights, Place, Waiting};
use crate::held::Held;
use crate::issuer::Issuer;
use crate::metrics::Metrics;
use crate::request::Key;
use crate::trouble::{Cause, Trouble};

/// Who has an old set in hand waits this part of the full time for a new one.
const IMPATIENCE: u32 = 4;
const PURGE_EVERY: Duration = Duration::from_secs(1);

/// The desk's bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The most sets held, and the most refusals remembered.
    pub(crate) entries: usize,
    /// How long a refusal is remembered.
    pub(crate) refusal: Duration,
    /// How long a caller waits.
    pub(crate) patience: Duration,
    /// How long the issuer may take.
    pub(crate) issuer: Duration,
    /// Questions to the issuer at one time.
    pub(crate) issuing: usize,
}

/// How a set came to hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// It was held.
    Cached,
    /// Issued for this caller.
    Issued,
    /// Issued for a caller who asked a moment earlier.
    Shared,
    /// It was held and is old; no newer one can be had.
    Old,
}

/// A set for a caller.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) held: Arc<Held>,
    pub(crate) origin: Origin,
}

type Outcome = Result<Arc<Held>, Trouble>;

/// Hands sets out. Clones share one desk.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Shared>);

struct Shared {
    issuer: Issuer,
    limits: Limits,
    metrics: Metrics,
    books: Mutex<Books>,
    flights: Flights<Key, Outcome>,
    issuing: Semaphore,
}

impl Desk {
    pub(crate) fn new(issuer: Issuer, limits: Limits, metrics: Metrics) -> Self {
        Self(Arc::new(Shared {
            issuer,
            limits,
            metrics,
            books: Mutex::new(Books::new(limits.entries)),
            flights: Flights::new(limits.entries),
            issuing: Semaphore::new(limits.issuing),
        }))
    }

    /// How many sets are held.
    pub(crate) fn entries(&self) -> usize {
        self.0.books().len()
    }

    /// How many keys are being asked for.
    pub(crate) fn in_flight(&self) -> usize {
        self.0.flights.len()
    }

    /// A caller's store refuses the set with this access key id before its end. True if it is held, and that is
    /// news.
    pub(crate) fn age_refused(&self, key: &Key, access_key_id: &str) -> bool {
        self.0.books().age_refused(key, access_key_id, Instant::now(), SystemTime::now())
    }

    /// A set for this key.
    ///
    /// # Errors
    /// The issuer's refusal, or the outage, with the time to come again.
    pub(crate) async fn grant(&self, key: &Key) -> Result<Grant, Trouble> {
        let found = self.0.look(key);
        let old = match found {
            Found::Fresh(held) => return Ok(Grant { held, origin: Origin::Cached }),
            Found::Paused(trouble, old) => return old_or(trouble, old),
            Found::Nothing(old) => old,
        };
        let shared = Arc::clone(&self.0);
        let wanted = key.clone();
        match self.0.flights.board(key, move || async move { shared.fly(wanted).await }) {
            Place::First(waiting) => self.wait(waiting, Origin::Issued, old).await,
            Place::Joined(waiting) => self.wait(waiting, Origin::Shared, old).await,
            Place::Full => old_or(busy("too many sets are being issued at this time"), old),
        }
    }

    async fn wait(
        &self,
        waiting: Waiting<Outcome>,
        origin: Origin,
        old: Option<Arc<Held>>,
    ) -> Result<Grant, Trouble> {
        let patience = self.0.limits.patience;
        let patience = if old.is_some() { patience / IMPATIENCE } else { patience };
        match timeout(patience, waiting.landed()).await {
            Ok(Some(Ok(held))) => Ok(Grant { held, origin }),
            Ok(Some(Err(trouble))) => old_or(trouble, old),
            Ok(None) => old_or(busy("a defect ended the question to the issuer"), old),
            Err(_) => {
                let why = "the issuer has not answered yet; its answer will be kept";
                old_or(Trouble::new(Cause::TimedOut, why), old)
            }
        }
    }

    /// Drops what is over, until the process ends.
    pub(crate) async fn purge(self) {
        loop {
            tokio::time::sleep(PURGE_EVERY).await;
            self.0.books().purge(Instant::now());
        }
    }
}

fn old_or(trouble: Trouble, old: Option<Arc<Held>>) -> Result<Grant, Trouble> {
    match old.filter(|held| !trouble.cause.is_refusal() && held.is_valid(SystemTime::now())) {
        Some(held) => Ok(Grant { held, origin: Origin::Old }),
        None => Err(trouble),
    }
}

fn busy(why: &str) -> Trouble {
    Trouble::new(Cause::Busy, why)
}

impl Shared {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, key: &Key) -> Found {
        self.books().find(key, Instant::now(), SystemTime::now())
    }

    /// One question to the issuer. What comes of it is in the books before the flight ends.
    async fn fly(self: Arc<Self>, key: Key) -> Outcome {
        let Ok(_place) = self.issuing.acquire().await else {
            return Err(busy("the process is ending"));
        };
        // While this one waited for its place, an earlier flight may have landed, or failed.
        match self.look(&key) {
            Found::Fresh(held) => return Ok(held),
            Found::Paused(trouble, _) => return Err(trouble),
            Found::Nothing(_) => {}
        }
        let begun = Instant::now();
        // Boxed: the issuers' own futures are large, and most of them are never built.
        let answer = timeout(self.limits.issuer, Box::pin(self.issuer.issue(&key))).await;
        self.metrics.upstream_seconds.observe(begun.elapsed().as_secs_f64());
        let answer = answer.unwrap_or_else(|_| {
            Err(Trouble::new(Cause::TimedOut, "the issuer did not answer in time"))
        });
        match answer.and_then(|issued| Held::new(issued, SystemTime::now())) {
            Ok(held) => Ok(self.keep(key, Arc::new(held))),
            Err(trouble) => Err(self.note(key, trouble)),
        }
    }

    fn keep(&self, key: Key, held: Arc<Held>) -> Arc<Held> {
        self.metrics.issuances.inc();
        let until = Instant::now() + held.kept_for(SystemTime::now());
        if self.books().keep(key, Arc::clone(&held), until, Instant::now()) {
            self.metrics.evictions.inc();
        }
        held
    }

    fn note(&self, key: Key, trouble: Trouble) -> Trouble {
        self.metrics.upstream_error(trouble.cause);
        let now = Instant::now();
        if trouble.cause.is_refusal() {
            tracing::debug!(error = %trouble, "the issuer refused");
            self.books().refuse(key, trouble.clone(), self.limits.refusal, now);
            return trouble;
        }
        tracing::warn!(class = trouble.cause.class(), error = %trouble, "the issuer brought no set");
        self.books().pause_for(key, trouble, now, fastrand::f64())
    }
}
