// SPDX-License-Identifier: Apache-2.0
//! Which set is held, which were refused by the store, and how the last fetch went. Pure: time
//! comes in from outside.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::clock::Now;
use super::timing::{Left, margin};
use crate::{Credential, Error};

/// The refused sets that are remembered: more than an issuer has caches.
const REFUSED_KEPT: usize = 8;

/// A set as it was received.
#[derive(Debug, Clone)]
pub struct Held {
    /// The set.
    pub credential: Credential,
    /// Counts the sets handed out, from 1; say this one when the store refuses the set.
    pub generation: u64,
    /// When the set was first received.
    pub fetched_at: SystemTime,
}

impl Held {
    /// From when on the set is no longer handed out; `None` if it does not expire.
    #[must_use]
    pub fn valid_until(&self) -> Option<SystemTime> {
        let expires = self.credential.expires?;
        Some(expires - margin(self.lifetime()?))
    }

    /// How long the set was good for when it was received.
    pub(super) fn lifetime(&self) -> Option<Duration> {
        let expires = self.credential.expires?;
        Some(expires.duration_since(self.fetched_at).unwrap_or_default())
    }

    fn is_valid(&self, wall: SystemTime) -> bool {
        self.valid_until().is_none_or(|until| until > wall)
    }
}

/// Is there a set to hand out?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// None has come yet.
    Waiting,
    /// Yes.
    Valid,
    /// There was one, but it expired or the store refused it.
    Stale,
}

/// What is held and how the last fetch went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Is there a set to hand out?
    pub state: State,
    /// The generation of the set last received, 0 before the first.
    pub generation: u64,
    /// When the set last received expires; `None` if never, or if there is none.
    pub expires: Option<SystemTime>,
    /// Why the last fetch failed; `None` if it did not.
    pub last_error: Option<Error>,
    /// When it failed.
    pub last_error_at: Option<SystemTime>,
    /// The sets received, repetitions not counted.
    pub refreshes_total: u64,
    /// The fetches that brought no usable set.
    pub failures_total: u64,
}

/// What a good fetch brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepted {
    New,
    Same,
}

struct Refused {
    credential: Credential,
    at: Instant,
}

/// The held set and the refused ones.
#[derive(Default)]
pub(super) struct Sets {
    held: Option<Arc<Held>>,
    refused: Vec<Refused>,
    refused_in_a_row: u32,
    /// The generation last given.
    handed_out: u64,
    last_error: Option<(Error, SystemTime)>,
    refreshes_total: u64,
    failures_total: u64,
}

impl Sets {
    pub(super) fn held(&self) -> Option<&Arc<Held>> {
        self.held.as_ref()
    }

    pub(super) fn current(&self, wall: SystemTime) -> Option<Arc<Held>> {
        let held = self.held.as_ref()?;
        let good = held.is_valid(wall) && self.refused(&held.credential).is_none();
        good.then(|| Arc::clone(held))
    }

    pub(super) fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref().map(|(error, _)| error)
    }

    /// When the store refused the set that is held, if it did.
    pub(super) fn held_refused_at(&self) -> Option<Instant> {
        self.refused(&self.held.as_ref()?.credential).map(|refused| refused.at)
    }

    /// How many sets the store refused since it last let one live until its refresh.
    pub(super) fn refused_in_a_row(&self) -> u32 {
        self.refused_in_a_row
    }

    pub(super) fn left(&self, wall: SystemTime) -> Left {
        match self.current(wall).map(|held| held.valid_until()) {
            None => Left::Nothing,
            Some(None) => Left::Forever,
            Some(Some(until)) => Left::For(until.duration_since(wall).unwrap_or_default()),
        }
    }

    fn refused(&self, credential: &Credential) -> Option<&Refused> {
        self.refused.iter().find(|refused| refused.credential.is_same_set(credential))
    }

    /// The key id of the held set, if the store refuses it.
    pub(super) fn refused_key(&self) -> Option<String> {
        let held = self.held.as_ref()?;
        self.refused(&held.credential)?;
        Some(held.credential.access_key_id.clone())
    }

    /// The store no longer takes the set of this generation. Says whether that is news.
    pub(super) fn reject(&mut self, generation: u64, now: Now) -> bool {
        let Some(held) = &self.held else { return false };
        if held.generation != generation || self.refused(&held.credential).is_some() {
            return false;
        }
        self.refused_in_a_row = self.refused_in_a_row.saturating_add(1);
        let wall = now.wall;
        self.refused.retain(|old| old.credential.expires.is_none_or(|expires| expires > wall));
        self.refused.truncate(REFUSED_KEPT - 1);
        self.refused.insert(0, Refused { credential: held.credential.clone(), at: now.steady });
        true
    }

    /// Takes a fetched set over.
    ///
    /// # Errors
    /// It has expired already, or the store refused it and it may not have a second chance yet.
    pub(super) fn accept(
        &mut self,
        credential: Credential,
        now: Now,
        second_chance: Duration,
    ) -> Result<Accepted, String> {
        if let Some(expires) = credential.expires.filter(|expires| *expires <= now.wall) {
            return Err(too_late(expires, now.wall));
        }
        if let Some(refused) = self.refused(&credential) {
            let waited = now.steady.duration_since(refused.at) >= second_chance;
            if !waited || self.current(now.wall).is_some() {
                return Err("the issuer hands out again the set that the store refused; it may \
                            keep its sets for too long"
                    .to_owned());
            }
        }
        self.last_error = None;
        let same = self.held.as_ref().filter(|held| held.credential.is_same_set(&credential));
        // The same set keeps the time of its first receipt, and with it its margin.
        let known = same.map(|held| (held.generation, held.fetched_at));
        match known {
            Some((generation, fetched_at)) if self.refused(&credential).is_none() => {
                self.held = Some(Arc::new(Held { credential, generation, fetched_at }));
                return Ok(Accepted::Same);
            }
            Some((_, fetched_at)) => self.hand_out(credential, fetched_at),
            None => {
                if self.held_refused_at().is_none() {
                    self.refused_in_a_row = 0;
                }
                self.refreshes_total += 1;
                self.hand_out(credential, now.wall);
            }
        }
        Ok(Accepted::New)
    }

    /// Hands the refused set out again if nothing newer came: the store's verdict may have been a
    /// fault. Not while the issuer refuses too. Says whether it did.
    pub(super) fn give_second_chance(&mut self, now: Now, second_chance: Duration) -> bool {
        let waited = self.held_refused_at().map(|at| now.steady.duration_since(at));
        if waited.is_none_or(|waited| waited < second_chance) || self.is_denied() {
            return false;
        }
        match self.held.take() {
            Some(held) if held.is_valid(now.wall) => {
                self.hand_out(held.credential.clone(), held.fetched_at);
                true
            }
            held => {
                self.held = held;
                false
            }
        }
    }

    pub(super) fn is_denied(&self) -> bool {
        self.last_error().is_some_and(Error::is_denied)
    }

    fn hand_out(&mut self, credential: Credential, fetched_at: SystemTime) {
        self.refused.retain(|refused| !refused.credential.is_same_set(&credential));
        let generation = self.handed_out + 1;
        self.handed_out = generation;
        self.held = Some(Arc::new(Held { credential, generation, fetched_at }));
    }

    /// A fetch brought nothing usable. Says whether that is news.
    pub(super) fn fail(&mut self, error: Error, wall: SystemTime) -> bool {
        self.failures_total += 1;
        let news = self.last_error().map(Error::kind) != Some(error.kind());
        self.last_error = Some((error, wall));
        news
    }

    pub(super) fn status(&self, now: Now) -> Status {
        let state = match (&self.held, self.current(now.wall)) {
            (None, _) => State::Waiting,
            (Some(_), Some(_)) => State::Valid,
            (Some(_), None) => State::Stale,
        };
        let held = self.held.as_ref();
        Status {
            state,
            generation: held.map_or(0, |held| held.generation),
            expires: held.and_then(|held| held.credential.expires),
            last_error: self.last_error().cloned(),
            last_error_at: self.last_error.as_ref().map(|(_, at)| *at),
            refreshes_total: self.refreshes_total,
            failures_total: self.failures_total,
        }
    }
}

/// A set that was dead on arrival: nearly always a clock that is wrong.
fn too_late(expires: SystemTime, wall: SystemTime) -> String {
    let late = wall.duration_since(expires).unwrap_or_default().as_secs();
    format!(
        "the set expired {} min {} s ago by this pod's clock: the clock is ahead by at least that \
         much, or the issuer hands out old sets",
        late / 60,
        late % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Secret};

    const CHANCE: Duration = Duration::from_secs(5);

    fn set(id: &str, now: Now) -> Credential {
        Credential {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new("s"),
            session_token: None,
            expires: Some(now.wall + Duration::from_secs(3600)),
        }
    }

    fn start() -> Now {
        Now { wall: SystemTime::UNIX_EPOCH, steady: Instant::now() }
    }

    fn later(now: Now, seconds: u64) -> Now {
        let by = Duration::from_secs(seconds);
        Now { wall: now.wall + by, steady: now.steady + by }
    }

    /// Replicas of an issuer, each with a cache of its own, may hand out sets in turn.
    #[test]
    fn a_refused_set_never_replaces_a_good_one() {
        let (now, mut sets) = (start(), Sets::default());
        let (one, two) = (set("ONE", now), set("TWO", now));
        sets.accept(one.clone(), now, CHANCE).unwrap();
        assert!(sets.reject(1, now));
        assert!(!sets.reject(1, now), "said twice, it is no news");
        sets.accept(two, now, CHANCE).unwrap();
        let now = later(now, 60);
        sets.accept(one.clone(), now, CHANCE).unwrap_err();
        assert_eq!(sets.current(now.wall).unwrap().credential.access_key_id, "TWO");
        assert!(sets.reject(2, now));
        sets.accept(one, now, CHANCE).unwrap();
        assert_eq!(sets.current(now.wall).unwrap().generation, 3);
    }

    #[test]
    fn a_repetition_keeps_generation_and_margin_but_takes_a_new_expiry_over() {
        let (now, mut sets) = (start(), Sets::default());
        let mut repeated = set("ONE", now);
        sets.accept(repeated.clone(), now, CHANCE).unwrap();
        repeated.expires = repeated.expires.map(|at| at + CHANCE);
        let accepted = sets.accept(repeated.clone(), later(now, 60), CHANCE).unwrap();
        let held = sets.current(now.wall).unwrap();
        assert_eq!((accepted, held.generation, held.fetched_at), (Accepted::Same, 1, now.wall));
        assert_eq!(held.credential.expires, repeated.expires);
    }

    #[test]
    fn a_second_chance_neither_revives_an_expired_set_nor_renews_its_margin() {
        let (now, mut sets) = (start(), Sets::default());
        sets.accept(set("ONE", now), now, CHANCE).unwrap();
        assert!(sets.reject(1, now));
        assert!(!sets.give_second_chance(later(now, 4), CHANCE));
        assert!(sets.give_second_chance(later(now, 5), CHANCE));
        let held = sets.current(now.wall).unwrap();
        assert_eq!((held.generation, held.fetched_at), (2, now.wall));
        assert!(sets.reject(2, later(now, 6)));
        assert!(!sets.give_second_chance(later(now, 3600), CHANCE));
        assert!(sets.held().is_some(), "what was held is still known");
    }

    #[test]
    fn refusals_of_any_number_of_sets_are_remembered_in_bounded_memory() {
        let (now, mut sets) = (start(), Sets::default());
        for number in 1..=100_u64 {
            sets.accept(set(&format!("SET{number}"), now), now, CHANCE).unwrap();
            assert!(sets.reject(number, now));
        }
        assert_eq!(sets.refused.len(), REFUSED_KEPT);
        assert_eq!(sets.refused_in_a_row(), 100);
        sets.accept(set("GOOD", now), now, CHANCE).unwrap();
        sets.accept(set("NEXT", now), now, CHANCE).unwrap();
        assert_eq!(sets.refused_in_a_row(), 0);
    }

    #[test]
    fn only_a_new_kind_of_failure_is_news() {
        let (now, mut sets) = (start(), Sets::default());
        let error = |kind| Error::new(kind, "test", "failed");
        assert!(sets.fail(error(Kind::Timeout), now.wall));
        assert!(!sets.fail(error(Kind::Timeout), now.wall));
        assert!(sets.fail(error(Kind::Denied), now.wall));
        assert_eq!(sets.status(now).failures_total, 3);
    }
}
