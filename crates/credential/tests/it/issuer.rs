// SPDX-License-Identifier: Apache-2.0
//! An issuer under the test's command, on a clock that goes by tokio's paused time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use credential::{BoxFuture, Clock, Credential, Error, Kind, Live, Provider, Secret, Settings};
use tokio::time::Instant;

/// What the issuer does when asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// A fresh set each time.
    Mint,
    /// The set it handed out last.
    Repeat,
    Down,
    Busy(Duration),
    Deny,
    Hang,
    /// A set that expired this long ago.
    Late(Duration),
}

/// Sets are good for this long; `None`: for ever.
pub(crate) type Lifetime = Option<Duration>;

pub(crate) struct Issuer {
    pub(crate) clock: Arc<TestClock>,
    lifetime: Lifetime,
    delay: Duration,
    watch: Option<Duration>,
    mood: Mutex<Mood>,
    last: Mutex<Option<Credential>>,
    asked_at: Mutex<Vec<Instant>>,
    under_way: AtomicU64,
    most_under_way: AtomicU64,
}

impl Issuer {
    pub(crate) fn new(lifetime: Lifetime) -> Arc<Self> {
        Self::with(lifetime, Duration::ZERO, None)
    }

    pub(crate) fn with(lifetime: Lifetime, delay: Duration, watch: Option<Duration>) -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::new(TestClock::new()),
            lifetime,
            delay,
            watch,
            mood: Mutex::new(Mood::Mint),
            last: Mutex::new(None),
            asked_at: Mutex::default(),
            under_way: AtomicU64::new(0),
            most_under_way: AtomicU64::new(0),
        })
    }

    pub(crate) fn live(self: &Arc<Self>) -> Live {
        let clock = Arc::clone(&self.clock);
        let settings = Settings { clock, ..Settings::default() };
        Live::start(Box::new(Asking(Arc::clone(self))), settings)
    }

    pub(crate) fn turn(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The moments at which it was asked.
    pub(crate) fn asked_at(&self) -> Vec<Instant> {
        self.asked_at.lock().unwrap().clone()
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked_at.lock().unwrap().len()
    }

    pub(crate) fn most_under_way(&self) -> u64 {
        self.most_under_way.load(Ordering::SeqCst)
    }

    async fn answer(&self) -> Result<Credential, Error> {
        self.asked_at.lock().unwrap().push(Instant::now());
        let _counted = UnderWay::enter(self);
        tokio::time::sleep(self.delay).await;
        let error = |kind, message: &str| Err(Error::new(kind, "issuer", message));
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Mint => Ok(self.mint(self.lifetime.map(|it| self.clock.now() + it))),
            Mood::Late(by) => Ok(self.mint(Some(self.clock.now() - by))),
            Mood::Repeat => Ok(self.last.lock().unwrap().clone().expect("nothing to repeat")),
            Mood::Down => error(Kind::Unavailable, "down"),
            Mood::Busy(wait) => {
                Err(Error::new(Kind::Unavailable, "issuer", "busy").with_retry_after(Some(wait)))
            }
            Mood::Deny => error(Kind::Denied, "no grant"),
            Mood::Hang => std::future::pending().await,
        }
    }

    fn mint(&self, expires: Option<SystemTime>) -> Credential {
        let number = self.asked();
        let set = Credential {
            access_key_id: format!("ASIATEST{number:04}"),
            secret_access_key: Secret::new(format!("hush-{number}")),
            session_token: Some(Secret::new(format!("hush-token-{number}"))),
            expires,
        };
        *self.last.lock().unwrap() = Some(set.clone());
        set
    }
}

/// Counts how many are answered at the same time, also when an attempt is given up.
struct UnderWay<'a>(&'a Issuer);

impl<'a> UnderWay<'a> {
    fn enter(issuer: &'a Issuer) -> Self {
        let now = issuer.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        issuer.most_under_way.fetch_max(now, Ordering::SeqCst);
        Self(issuer)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Asking(Arc<Issuer>);

impl Provider for Asking {
    fn name(&self) -> &str {
        "issuer"
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credential, Error>> {
        Box::pin(self.0.answer())
    }

    fn watch(&self) -> Option<Duration> {
        self.0.watch
    }
}

/// A wall clock that goes with tokio's time, and can be set wrong.
pub(crate) struct TestClock {
    start: Instant,
    offset_s: AtomicI64,
}

impl TestClock {
    fn new() -> Self {
        Self { start: Instant::now(), offset_s: AtomicI64::new(1_800_000_000) }
    }

    pub(crate) fn jump(&self, seconds: i64) {
        self.offset_s.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        let offset = self.offset_s.load(Ordering::SeqCst).unsigned_abs();
        SystemTime::UNIX_EPOCH + Duration::from_secs(offset) + self.start.elapsed()
    }
}

/// Waits until the status fits, at most `limit` of paused time.
pub(crate) async fn until(live: &Live, limit: Duration, fits: impl Fn(&Live) -> bool) {
    let fitting = async {
        loop {
            let changed = live.changed();
            if fits(live) {
                return;
            }
            changed.await;
        }
    };
    let came = tokio::time::timeout(limit, fitting).await;
    came.unwrap_or_else(|_| panic!("not within {limit:?}: {live:?}"));
}
