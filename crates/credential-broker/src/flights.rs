// SPDX-License-Identifier: Apache-2.0
//! Single flight: whoever asks for the same thing at the same time waits for one answer.
//!
//! A flight belongs to nobody: it lands even if all who wait for it go away.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The flights under way, at most `most`.
#[derive(Debug)]
pub(crate) struct Flights<K, V> {
    under_way: Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>,
    most: usize,
}

/// A place on a flight.
#[derive(Debug)]
pub(crate) enum Place<V> {
    /// This caller started it.
    First(Waiting<V>),
    /// It was under way.
    Joined(Waiting<V>),
    /// There are as many as there may be.
    Full,
}

/// Waits for a landing.
#[derive(Debug)]
pub(crate) struct Waiting<V>(watch::Receiver<Option<V>>);

impl<V: Clone> Waiting<V> {
    /// What the flight brought; nothing if it crashed.
    pub(crate) async fn landed(mut self) -> Option<V> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

impl<K, V> Flights<K, V>
where
    K: Eq + Hash + Clone + Send + 'static,
    V: Send + Sync + 'static,
{
    pub(crate) fn new(most: usize) -> Self {
        Self { under_way: Arc::default(), most: most.max(1) }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Joins the key's flight, or starts one. What a flight keeps, it keeps before it is taken off the list:
    /// who comes too late to join finds it kept.
    pub(crate) fn board<F>(&self, key: &K, start: impl FnOnce() -> F) -> Place<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut under_way = self.lock();
        if let Some(flight) = under_way.get(key) {
            return Place::Joined(Waiting(flight.clone()));
        }
        if under_way.len() >= self.most {
            return Place::Full;
        }
        let (landing, waiting) = watch::channel(None);
        under_way.insert(key.clone(), waiting.clone());
        let listed = Listed { under_way: Arc::clone(&self.under_way), key: key.clone() };
        let flight = start();
        tokio::spawn(async move {
            let value = flight.await;
            drop(listed);
            landing.send_replace(Some(value));
        });
        Place::First(Waiting(waiting))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, watch::Receiver<Option<V>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes its flight off the list, also when the flight panics.
struct Listed<K: Eq + Hash, V> {
    under_way: Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for Listed<K, V> {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    fn waiting<V>(place: Place<V>) -> Waiting<V> {
        match place {
            Place::First(waiting) | Place::Joined(waiting) => waiting,
            Place::Full => panic!("full"),
        }
    }

    #[tokio::test]
    async fn all_who_ask_at_once_get_one_answer() {
        let flights = Flights::<&str, u32>::new(9);
        let flown = Arc::new(AtomicU32::new(0));
        let (go, gate) = oneshot::channel::<()>();
        let mut gate = Some(gate);
        let mut all = Vec::new();
        for _ in 0..1000 {
            let (flown, gate) = (Arc::clone(&flown), gate.take());
            all.push(waiting(flights.board(&"k", move || async move {
                let _ = gate.expect("only the first one flies").await;
                flown.fetch_add(1, Ordering::SeqCst)
            })));
        }
        assert_eq!(flights.len(), 1);
        go.send(()).unwrap();
        for one in all {
            assert_eq!(one.landed().await, Some(0));
        }
        assert_eq!((flown.load(Ordering::SeqCst), flights.len()), (1, 0));
    }

    #[tokio::test]
    async fn a_flight_lands_though_nobody_waits_for_it() {
        let flights = Flights::<&str, ()>::new(9);
        let (landed, arrival) = oneshot::channel();
        drop(flights.board(&"k", move || async move {
            tokio::task::yield_now().await;
            landed.send(()).unwrap();
        }));
        arrival.await.unwrap();
    }

    #[tokio::test]
    async fn a_flight_that_crashes_is_told_and_the_next_one_flies() {
        let flights = Flights::<&str, u32>::new(9);
        let first = waiting(flights.board(&"k", || async { panic!("a defect") }));
        assert_eq!(first.landed().await, None);
        assert_eq!(flights.len(), 0);
        assert_eq!(waiting(flights.board(&"k", || async { 7 })).landed().await, Some(7));
    }

    #[tokio::test]
    async fn flights_are_bounded() {
        let flights = Flights::<u32, ()>::new(2);
        let _kept = [0, 1].map(|key| flights.board(&key, std::future::pending::<()>));
        assert!(matches!(flights.board(&2, std::future::pending::<()>), Place::Full));
        assert!(matches!(flights.board(&1, std::future::pending::<()>), Place::Joined(_)));
    }
}
