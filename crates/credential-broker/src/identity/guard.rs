// SPDX-License-Identifier: Apache-2.0
//! Callers are let in by the API server's word alone; its words are remembered for a short while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::allow::Marks;
use super::cluster::{Cluster, Outage};
use super::rules::{Rules, Word};
use super::token::{Digest, Token};
use super::{Caller, Reason, Turned};
use crate::flights::{Flights, Place, Waiting};
use crate::metrics::Metrics;
use crate::request::Key;
use crate::table::Table;

/// How long a token is believed.
const BELIEVED: Duration = Duration::from_secs(60);
/// How long it is disbelieved: an API server may hear of a new pod a moment later than the pod asks.
const DISBELIEVED: Duration = Duration::from_secs(5);
/// How long a namespace's marks are.
const MARKED: Duration = Duration::from_secs(10);
/// Questions to the API server at one time.
const ASKING: usize = 16;
const COME_AGAIN: Duration = Duration::from_secs(2);

/// Checks callers.
pub(crate) struct Guard {
    shared: Arc<Shared>,
    words: Flights<Digest, Result<Word, Outage>>,
    looks: Flights<String, Result<Marks, Outage>>,
}

struct Shared {
    cluster: Cluster,
    rules: Rules,
    metrics: Metrics,
    believed: Mutex<Table<Digest, Word>>,
    marked: Mutex<Table<String, Marks>>,
    asking: Semaphore,
}

impl Guard {
    pub(crate) fn new(cluster: Cluster, rules: Rules, most: usize, metrics: Metrics) -> Self {
        let shared = Shared {
            cluster,
            rules,
            metrics,
            believed: Mutex::new(Table::new(most)),
            marked: Mutex::new(Table::new(most)),
            asking: Semaphore::new(ASKING),
        };
        Self { shared: Arc::new(shared), words: Flights::new(most), looks: Flights::new(most) }
    }

    /// Who it is, if they may have this.
    pub(super) async fn admit(&self, token: Token, key: &Key) -> Result<Caller, Turned> {
        let caller = self.identify(token).await?;
        let marks = self.marks(&caller).await.map_err(|turned| turned.known(caller.clone()))?;
        match marks.complaint(key) {
            None => Ok(caller),
            Some(reason) => {
                Err(Turned::new(reason, self.shared.rules.explain(reason, &caller)).known(caller))
            }
        }
    }

    async fn identify(&self, token: Token) -> Result<Caller, Turned> {
        let audience = &self.shared.rules.audience;
        if let Some(reason) = token.complaint(audience, SystemTime::now()) {
            return Err(Turned::new(reason, self.shared.rules.disbelieve(reason)));
        }
        let digest = token.digest();
        let known = lock(&self.shared.believed).get(&digest, Instant::now()).cloned();
        let word = match known {
            Some(word) => word,
            None => {
                let shared = Arc::clone(&self.shared);
                let place = self.words.board(&digest, move || shared.ask_whose(token, digest));
                landed(place).await?
            }
        };
        match word {
            Word::Known(caller) => Ok(caller),
            Word::Unknown(reason) => Err(Turned::new(reason, self.shared.rules.disbelieve(reason))),
        }
    }

    async fn marks(&self, caller: &Caller) -> Result<Marks, Turned> {
        let name = caller.namespace.clone();
        let known = lock(&self.shared.marked).get(&name, Instant::now()).cloned();
        if let Some(marks) = known {
            return Ok(marks);
        }
        let shared = Arc::clone(&self.shared);
        landed(self.looks.board(&caller.namespace, move || shared.ask_marks(name))).await
    }
}

/// Never open: without the API server's word nobody is let in.
async fn landed<T: Clone>(place: Place<Result<T, Outage>>) -> Result<T, Turned> {
    let unchecked = |why: &str| {
        let detail = format!("callers cannot be checked now: the API server: {why}");
        Turned { retry_after: Some(COME_AGAIN), ..Turned::new(Reason::Unchecked, detail) }
    };
    let waiting: Waiting<_> = match place {
        Place::First(waiting) | Place::Joined(waiting) => waiting,
        Place::Full => return Err(unchecked("too many questions are open")),
    };
    match waiting.landed().await {
        Some(Ok(word)) => Ok(word),
        Some(Err(outage)) => Err(unchecked(&outage.to_string())),
        None => Err(unchecked("a defect ended the question")),
    }
}

impl Shared {
    async fn ask_whose(self: Arc<Self>, token: Token, digest: Digest) -> Result<Word, Outage> {
        let _place = self.asking.acquire().await;
        self.metrics.reviews.inc();
        let review = self.cluster.review(&token, &self.rules.audience).await;
        let status = review.inspect_err(warn)?;
        let now = SystemTime::now();
        let word = self.rules.judge(status, &token, now);
        let left = token.expires().and_then(|at| at.duration_since(now).ok()).unwrap_or(BELIEVED);
        let length = match word {
            Word::Known(_) => left.min(BELIEVED),
            Word::Unknown(_) => DISBELIEVED,
        };
        let now = Instant::now();
        lock(&self.believed).put(digest, word.clone(), now + length, now);
        Ok(word)
    }

    async fn ask_marks(self: Arc<Self>, name: String) -> Result<Marks, Outage> {
        let _place = self.asking.acquire().await;
        self.metrics.reviews.inc();
        let found = self.cluster.namespace(&name).await.inspect_err(warn)?;
        let found = found.unwrap_or_default();
        let marks = Marks::of(&self.rules, &found.labels, &found.annotations);
        let now = Instant::now();
        lock(&self.marked).put(name, marks.clone(), now + MARKED, now);
        Ok(marks)
    }
}

fn warn(outage: &Outage) {
    tracing::warn!(error = %outage, "the API server cannot be asked");
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
