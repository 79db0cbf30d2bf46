// SPDX-License-Identifier: Apache-2.0
//! The issuer's outage in the middle of a soak.
//!
//! A proxy that works never sends a set past its announced end, and replaces each set long before
//! it. So the store has a reason to answer ExpiredToken only where the issuer is down while the
//! held set is one that the store revokes early: the outage waits for such a set.

use std::time::{Duration, Instant};

use testbed::Mood;

use super::over::Over;
use super::stage::Stage;

/// How often the store's and the issuer's state is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Kopia may have been idle in the moment that mattered.
const OUTAGES: u64 = 3;

/// The outage as it is meant to be.
pub(super) struct Outage {
    /// When the first one begins.
    pub(super) from: Instant,
    pub(super) length: Duration,
    /// Sets with a number divisible by this are revoked early.
    pub(super) nth: u64,
}

impl Outage {
    /// Lets the issuer be down, again where the store had no reason to answer ExpiredToken, and
    /// returns how often it was down.
    pub(super) fn happen(&self, stage: &Stage, over: &Over) -> u64 {
        if over.within(self.from.saturating_duration_since(Instant::now())) {
            return 0;
        }
        let mut outages = 0;
        while outages < OUTAGES && stage.store.counts().expired_answers == 0 {
            if self.await_doomed_set(stage, over) || self.be_down(stage, over) {
                return outages;
            }
            outages += 1;
        }
        outages
    }

    /// Waits until the proxy has just got a set that the store will revoke early; true if over.
    fn await_doomed_set(&self, stage: &Stage, over: &Over) -> bool {
        let before = stage.store.keyring().issued();
        loop {
            let issued = stage.store.keyring().issued();
            if issued > before && issued.is_multiple_of(self.nth) {
                return false;
            }
            if over.within(LOOK) {
                return true;
            }
        }
    }

    /// True if over.
    fn be_down(&self, stage: &Stage, over: &Over) -> bool {
        stage.issuer.set_mood(Mood::Refusing);
        let is_over = over.within(self.length);
        stage.issuer.set_mood(Mood::Serving);
        is_over
    }
}
