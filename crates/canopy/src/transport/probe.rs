// SPDX-License-Identifier: Apache-2.0
//! Does the tailnet's host answer? Asked at most once a minute, by one caller at a time.

use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::way::Way;

/// How long a result holds.
const HOLDS: Duration = Duration::from_mins(1);

/// The last result.
#[derive(Debug, Default)]
pub(crate) struct Probe(Mutex<Option<Seen>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: SystemTime,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Alive,
    Dead,
}

impl Probe {
    /// The result that holds, or a new one.
    pub(super) async fn is_alive(&self, tailnet: &Way) -> bool {
        let mut last = self.0.lock().await;
        let now = tailnet.now();
        // A clock that was set back makes the age unknown.
        let holds = |seen: &Seen| now.duration_since(seen.at).is_ok_and(|age| age < HOLDS);
        if let Some(seen) = last.filter(holds) {
            return seen.state == State::Alive;
        }
        let before = last.map(|seen| seen.state);
        let state = if tailnet.probe().await { State::Alive } else { State::Dead };
        if before != Some(state) {
            match state {
                State::Alive => tracing::info!("the control plane answers on the tailnet"),
                State::Dead => tracing::warn!(
                    "the control plane does not answer on the tailnet; calls go by the public host"
                ),
            }
        }
        *last = Some(Seen { at: tailnet.now(), state });
        state == State::Alive
    }

    /// A call could not connect: no other tries for a while.
    pub(super) async fn mark_dead(&self, tailnet: &Way) {
        *self.0.lock().await = Some(Seen { at: tailnet.now(), state: State::Dead });
    }

    /// A call broke: the next one looks first.
    pub(super) async fn mark_doubtful(&self) {
        *self.0.lock().await = None;
    }
}
