// SPDX-License-Identifier: Apache-2.0
//! Readiness is a set of named guards: ready when none waits.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

/// What is waited for, by name, with the reason.
#[derive(Debug, Clone)]
pub struct Readiness {
    waiting: Arc<watch::Sender<BTreeMap<&'static str, String>>>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self { waiting: Arc::new(watch::Sender::new(BTreeMap::new())) }
    }
}

/// One thing that readiness depends on. Dropped, it is waited for no longer.
#[derive(Debug)]
pub struct Guard {
    name: &'static str,
    readiness: Readiness,
}

impl Readiness {
    /// A new guard, waiting.
    #[must_use]
    pub fn guard(&self, name: &'static str) -> Guard {
        let guard = Guard { name, readiness: self.clone() };
        guard.set_waiting("starting");
        guard
    }

    /// Whether nothing is waited for.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.waiting.borrow().is_empty()
    }

    /// `name: reason` of each waiting guard.
    #[must_use]
    pub fn waiting(&self) -> Vec<String> {
        self.waiting.borrow().iter().map(|(name, reason)| format!("{name}: {reason}")).collect()
    }

    /// Returns once nothing is waited for.
    pub async fn ready(&self) {
        let mut waiting = self.waiting.subscribe();
        // The sender lives in self, so waiting cannot fail.
        let _ = waiting.wait_for(BTreeMap::is_empty).await;
    }
}

impl Guard {
    /// Not ready, and why.
    pub fn set_waiting(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.readiness.waiting.send_if_modified(|waiting| {
            waiting.insert(self.name, reason.clone()).as_deref() != Some(&reason)
        });
    }

    /// Ready.
    pub fn set_ready(&self) {
        self.readiness.waiting.send_if_modified(|waiting| waiting.remove(self.name).is_some());
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.set_ready();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ready_means_that_no_guard_waits() {
        let readiness = Readiness::default();
        let (one, two) = (readiness.guard("one"), readiness.guard("two"));
        one.set_ready();
        two.set_waiting("no answer");
        assert_eq!(readiness.waiting(), ["two: no answer"]);
        drop(two);
        readiness.ready().await;
        one.set_waiting("gone again");
        assert!(!readiness.is_ready());
    }
}
