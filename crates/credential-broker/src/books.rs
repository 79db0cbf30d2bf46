// SPDX-License-Identifier: Apache-2.0
//! What the desk remembers: sets, refusals, and whom not to ask for a while. Times are passed in.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::held::{Held, State};
use crate::pause::Pause;
use crate::request::Key;
use crate::table::Table;
use crate::trouble::{Scope, Trouble};

/// All of it, bounded.
pub(crate) struct Books {
    held: Table<Key, Arc<Held>>,
    failed: Table<Key, Pause>,
    /// The issuer as a whole does not answer.
    issuer: Option<Pause>,
}

/// What the books say of a key.
pub(crate) enum Found {
    /// Hand it out.
    Fresh(Arc<Held>),
    /// The issuer is not to be asked now. An old set may be at hand.
    Paused(Trouble, Option<Arc<Held>>),
    /// Ask. An old set may be at hand.
    Nothing(Option<Arc<Held>>),
}

impl Books {
    /// At most so many sets, and so many failures.
    pub(crate) fn new(most: usize) -> Self {
        // Who asks for ever new runs pushes out his own sets, not those of others.
        let (held, failed) = (Table::of_kin(most, Key::is_kin), Table::of_kin(most, Key::is_kin));
        Self { held, failed, issuer: None }
    }

    /// How many sets are held.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn find(&mut self, key: &Key, now: Instant, wall: SystemTime) -> Found {
        let old = match self.held.get(key, now) {
            Some(held) if held.state(wall) == State::Fresh => {
                return Found::Fresh(Arc::clone(held));
            }
            held => held.filter(|held| held.is_valid(wall)).cloned(),
        };
        let own = self.failed.get(key, now).and_then(|pause| pause.holding(now));
        match own.or_else(|| self.issuer.as_ref()?.holding(now)) {
            Some(trouble) => Found::Paused(trouble, old),
            None => Found::Nothing(old),
        }
    }

    /// A set was issued. True if another one, still good, had to go.
    pub(crate) fn keep(&mut self, key: Key, held: Arc<Held>, until: Instant, now: Instant) -> bool {
        self.issuer = None;
        self.failed.remove(&key);
        self.held.put(key, held, until, now)
    }

    /// A caller's store refuses this set: it is handed out only while no other one can be had, for others may
    /// still get on with it. True if that is news.
    pub(crate) fn age_refused(
        &mut self,
        key: &Key,
        access_key_id: &str,
        now: Instant,
        wall: SystemTime,
    ) -> bool {
        self.held.get(key, now).is_some_and(|held| {
            held.access_key_id() == access_key_id && held.may_be_refused(wall) && held.refuse()
        })
    }

    /// The issuer refused: an old set ends, and it is not asked again for this long.
    pub(crate) fn refuse(&mut self, key: Key, trouble: Trouble, length: Duration, now: Instant) {
        self.held.remove(&key);
        // It answers.
        self.issuer = None;
        self.failed.put(key, Pause::refused(trouble, length, now), now + length, now);
    }

    /// The issuer failed: it is left alone for a while. The trouble, with how long.
    pub(crate) fn pause_for(
        &mut self,
        key: Key,
        trouble: Trouble,
        now: Instant,
        jitter: f64,
    ) -> Trouble {
        let told = trouble.clone();
        let pause = match trouble.cause.scope() {
            Scope::Issuer => self.pause_issuer(trouble, now, jitter),
            Scope::Key => {
                let pause = Pause::failed(trouble, self.failed.get(&key, now), now, jitter);
                self.failed.put(key, pause.clone(), pause.memory(), now);
                pause
            }
        };
        Trouble { retry_after: pause.holding(now).and_then(|it| it.retry_after), ..told }
    }

    /// Questions that were under way together fail together: they count as one failure.
    fn pause_issuer(&mut self, trouble: Trouble, now: Instant, jitter: f64) -> Pause {
        let before = self.issuer.take().filter(|pause| pause.memory() > now);
        let holding = before.as_ref().and_then(|pause| pause.holding(now));
        let pause = match (before, holding) {
            (Some(before), Some(held)) if trouble.retry_after <= held.retry_after => before,
            (before, _) => Pause::failed(trouble, before.as_ref(), now, jitter),
        };
        self.issuer.insert(pause).clone()
    }

    /// Drops what is over.
    pub(crate) fn purge(&mut self, now: Instant) {
        self.held.purge(now);
        self.failed.purge(now);
    }
}

#[cfg(test)]
mod tests {
    use canopy::wire::{CredentialProcess, RestoreCredentials};
    use credential::Secret;

    use super::*;
    use crate::trouble::Cause;

    const SECOND: Duration = Duration::from_secs(1);

    fn key(group: &str) -> Key {
        Key { group: group.to_owned(), type_: "t".to_owned(), run_id: None }
    }

    /// Books with one set of 100 s: fresh for 80.
    fn books(now: Instant, wall: SystemTime) -> Books {
        let credentials = CredentialProcess {
            version: 1,
            access_key_id: "A".to_owned(),
            secret_access_key: Secret::new("s"),
            session_token: None,
            expiration: Some((wall + 100 * SECOND).try_into().unwrap()),
        };
        let issued = RestoreCredentials { credentials, repo_password: None };
        let held = Arc::new(Held::new(issued, wall).unwrap());
        let mut books = Books::new(9);
        books.keep(key("g"), held, now + 100 * SECOND, now);
        books
    }

    /// `fresh`, or whether an old set is at hand and a pause holds.
    fn told(found: &Found) -> (&'static str, bool) {
        match found {
            Found::Fresh(_) => ("fresh", true),
            Found::Paused(_, old) => ("paused", old.is_some()),
            Found::Nothing(old) => ("nothing", old.is_some()),
        }
    }

    #[test]
    fn a_set_is_fresh_then_old_then_over() {
        let (now, wall) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let mut books = books(now, wall);
        for (second, expected) in [(0, "fresh"), (79, "fresh"), (80, "nothing"), (99, "nothing")] {
            let after = second * SECOND;
            assert_eq!(told(&books.find(&key("g"), now + after, wall + after)), (expected, true));
        }
        let over = 100 * SECOND;
        assert_eq!(told(&books.find(&key("g"), now + over, wall + over)), ("nothing", false));
        // A clock that was set forward ends a set too.
        assert_eq!(told(&books.find(&key("g"), now, wall + over)), ("nothing", false));
    }

    #[test]
    fn a_refusal_ends_the_set_and_is_forgotten() {
        let (now, wall) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let mut books = books(now, wall);
        books.refuse(key("g"), Trouble::new(Cause::Denied, "no"), 10 * SECOND, now);
        assert_eq!(told(&books.find(&key("g"), now, wall)), ("paused", false));
        let later = 10 * SECOND;
        assert_eq!(told(&books.find(&key("g"), now + later, wall + later)), ("nothing", false));
    }

    #[test]
    fn an_outage_of_the_issuer_keeps_all_away_and_a_failure_one() {
        let (now, wall) = (Instant::now(), SystemTime::UNIX_EPOCH);
        for (cause, other) in [(Cause::Unreachable, "paused"), (Cause::Failed, "nothing")] {
            let mut books = books(now, wall);
            let told_so = books.pause_for(key("g"), Trouble::new(cause, "x"), now, 1.0);
            assert_eq!(told_so.retry_after, Some(SECOND));
            let old = 90 * SECOND;
            assert_eq!(told(&books.find(&key("h"), now, wall)), (other, false), "{cause:?}");
            assert_eq!(
                told(&books.find(&key("g"), now, wall + old)),
                ("paused", true),
                "{cause:?}"
            );
        }
    }

    #[test]
    fn failures_of_one_burst_count_once() {
        let (now, wall) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let mut books = books(now, wall);
        let mut fail = |at: u32, wait: Option<u32>| {
            let trouble = Trouble::new(Cause::TimedOut, "x").after(wait.map(|it| it * SECOND));
            books.pause_for(key("h"), trouble, now + at * SECOND, 1.0).retry_after.unwrap()
        };
        assert_eq!((0..30).map(|_| fail(0, None)).max(), Some(SECOND));
        assert_eq!(fail(1, None), 2 * SECOND, "the next one, after its pause, is in a row");
        assert_eq!(fail(1, Some(17)), 17 * SECOND, "what the issuer asks for is heard at once");
        assert_eq!(fail(2, None), 16 * SECOND);
    }

    #[test]
    fn a_set_that_comes_ends_every_pause() {
        let (now, wall) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let mut books = books(now, wall);
        books.pause_for(key("h"), Trouble::new(Cause::TimedOut, "x"), now, 1.0);
        let Found::Fresh(held) = books.find(&key("g"), now, wall) else { panic!("not fresh") };
        books.keep(key("g"), held, now + SECOND, now);
        assert_eq!(told(&books.find(&key("h"), now, wall)), ("nothing", false));
    }
}
