// SPDX-License-Identifier: Apache-2.0
//! The one task that fetches: fetch, note the outcome, wait for the next good moment, repeat.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::clock::Now;
use super::state::{Accepted, Sets};
use super::timing::{Left, Pause, Retry, after_refusals, patience, refresh_in};
use crate::{Credential, Error, Kind, Provider};

/// No sleep is longer, so that a jump of the wall clock, or a machine that slept, is noticed soon.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Runs until it is aborted.
pub(super) async fn run(shared: Arc<Shared>, provider: Box<dyn Provider>) {
    let mut retry: Option<Retry> = None;
    loop {
        let outcome = fetch(&shared, provider.as_ref()).await;
        let now = shared.now();
        let next = match note(&shared, outcome, now) {
            Ok(()) => {
                retry = None;
                Next::after_success(&shared, now)
            }
            Err(error) => {
                let floor = shared.settings.floor;
                let retry = retry.get_or_insert_with(|| Retry::new(floor, lifetime(&shared)));
                Next::AfterFailure { at: now.steady, pause: retry.next(&error) }
            }
        };
        wait(&shared, &next, provider.watch().map(|every| now.steady + every)).await;
    }
}

async fn fetch(shared: &Shared, provider: &dyn Provider) -> Result<Credential, Error> {
    let left = shared.read(|sets| sets.left(shared.wall()));
    let patience = patience(provider.timeout(), left);
    provider.store_refuses(shared.read(Sets::refused_key).as_deref());
    tokio::time::timeout(patience, provider.fetch()).await.unwrap_or_else(|_| {
        let message = format!("did not answer within {} ms", patience.as_millis());
        Err(Error::new(Kind::Timeout, provider.name(), message))
    })
}

/// Takes the outcome over and tells whoever waits for it.
fn note(shared: &Shared, outcome: Result<Credential, Error>, now: Now) -> Result<(), Error> {
    let second_chance = shared.settings.second_chance;
    let failed_before = shared.read(|sets| sets.last_error().is_some());
    let accepted = outcome.and_then(|set| {
        let accepted = shared.write(|sets| sets.accept(set, now, second_chance));
        accepted.map_err(|defect| Error::new(Kind::Invalid, &shared.origin, defect))
    });
    match accepted {
        Ok(Accepted::Same) if !failed_before => {}
        Ok(_) => {
            let generation = shared.read(|sets| sets.held().map(|held| held.generation));
            tracing::debug!(source = shared.origin, generation, "credentials received");
            if failed_before {
                tracing::info!(source = shared.origin, "the source of credentials works again");
            }
            shared.publish();
        }
        Err(error) => {
            if shared.write(|sets| sets.fail(error.clone(), now.wall)) {
                tracing::warn!(%error, "no fresh credentials; trying again");
            }
            shared.publish();
            return Err(error);
        }
    }
    Ok(())
}

fn lifetime(shared: &Shared) -> Option<Duration> {
    shared.read(|sets| sets.held().and_then(|held| held.lifetime()))
}

/// What the wait is for.
enum Next {
    /// The refresh of a set, due on whichever clock comes first; never for sets without expiry.
    AfterSuccess { at: Instant, due: Option<Now> },
    /// The next try after a failure.
    AfterFailure { at: Instant, pause: Pause },
}

impl Next {
    fn after_success(shared: &Shared, now: Now) -> Self {
        let expires = shared.read(|sets| sets.held().and_then(|held| held.credential.expires));
        let due = expires.map(|expires| {
            let left = expires.duration_since(now.wall).unwrap_or_default();
            let wait = refresh_in(left, fastrand::f64()).max(shared.settings.floor);
            Now { wall: now.wall + wait, steady: now.steady + wait }
        });
        Self::AfterSuccess { at: now.steady, due }
    }

    /// When to fetch, as things stand now; `None` while nothing calls for it.
    fn due(&self, sets: &Sets, now: Now, floor: Duration) -> Option<Instant> {
        match self {
            // The store refused what we hold.
            Self::AfterSuccess { at, .. } if sets.held_refused_at().is_some() => {
                Some(*at + after_refusals(floor, sets.refused_in_a_row()))
            }
            Self::AfterSuccess { due: Some(due), .. } if due.wall <= now.wall => Some(now.steady),
            Self::AfterSuccess { due, .. } => due.map(|due| due.steady),
            Self::AfterFailure { at, pause } => Some(*at + pause.length(sets.left(now.wall))),
        }
    }
}

/// Sleeps until the next fetch is due, and meanwhile tells when the held set expires and when a
/// refused one gets its second chance.
async fn wait(shared: &Shared, next: &Next, look: Option<Instant>) {
    let mut was_valid = shared.current().is_some();
    loop {
        let now = shared.now();
        let second_chance = shared.settings.second_chance;
        if shared.write(|sets| sets.give_second_chance(now, second_chance)) {
            tracing::warn!(
                source = shared.origin,
                "nothing newer came: trying the refused set again"
            );
            shared.publish();
        }
        let is_valid = shared.current().is_some();
        if was_valid && !is_valid {
            shared.publish();
        }
        was_valid = is_valid;
        let (due, alarm) = shared.read(|sets| {
            let due = next.due(sets, now, shared.settings.floor);
            (earliest(due, look), alarm(sets, now, second_chance))
        });
        if due.is_some_and(|due| due <= now.steady) {
            return;
        }
        let longest = Some(now.steady + LONGEST_SLEEP);
        let wake = earliest(earliest(due, alarm), longest).unwrap_or(now.steady);
        tokio::select! {
            () = tokio::time::sleep_until(wake) => {}
            () = shared.wanted.notified() => {}
        }
    }
}

/// When something happens to the held set by itself: it expires, or gets its second chance.
fn alarm(sets: &Sets, now: Now, second_chance: Duration) -> Option<Instant> {
    let expiry = match sets.left(now.wall) {
        Left::For(left) => Some(now.steady + left),
        Left::Nothing | Left::Forever => None,
    };
    let chance = sets.held_refused_at().map(|at| at + second_chance);
    earliest(expiry, chance.filter(|at| *at > now.steady))
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
