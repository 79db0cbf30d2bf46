// SPDX-License-Identifier: Apache-2.0
//! The steps of a run's last report, in order. The process can be killed before and after each; the next
//! life goes on from there, and the server holds one report.

use std::sync::Arc;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// What an earlier life of this run left is read.
    Find,
    /// The neighbours' files are read for the last time.
    Count,
    /// The report is on the disk.
    Spool,
    /// It is posted until it is heard.
    Post,
    /// That it was heard is on the disk.
    Mark,
}

/// Before or after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    Before,
    After,
}

/// Who is told of each step.
pub(crate) type Watch = Arc<dyn Fn(Step, Edge) + Send + Sync>;

/// The way through the steps.
pub(crate) struct Walk(Watch);

impl Walk {
    pub(crate) fn new(watch: Watch) -> Self {
        Self(watch)
    }

    pub(crate) fn step<T>(&self, step: Step, work: impl FnOnce() -> T) -> T {
        (self.0)(step, Edge::Before);
        let done = work();
        (self.0)(step, Edge::After);
        done
    }

    pub(crate) async fn step_async<T>(&self, step: Step, work: impl Future<Output = T>) -> T {
        (self.0)(step, Edge::Before);
        let done = work.await;
        (self.0)(step, Edge::After);
        done
    }
}

/// Tells the log.
pub(crate) fn told() -> Watch {
    Arc::new(|step, edge| tracing::debug!(?step, ?edge, "step"))
}

#[cfg(test)]
impl Step {
    /// Every step, in order.
    pub(crate) const ALL: [Self; 5] =
        [Self::Find, Self::Count, Self::Spool, Self::Post, Self::Mark];
}
