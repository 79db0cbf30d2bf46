// SPDX-License-Identifier: Apache-2.0
//! The steps of a restore, in order. A run can be killed before and after each; the next one goes on to a
//! complete restore.

use std::sync::Arc;

use sidecar::Halt;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Whether this generation, or anything else, is on the volume.
    Look,
    /// What the generation is made of is read, or chosen and written.
    Pin,
    /// Whether this member was made before, on another volume.
    Claims,
    /// Whether peers live that are of another cluster.
    Peers,
    /// Whether etcd's tool can do it.
    Tool,
    /// The volume is locked, and has a nonce.
    Volume,
    /// What failed attempts left is removed.
    Clean,
    /// Whether there is room.
    Room,
    /// The snapshot is fetched into staging, and verified on its way.
    Download,
    /// etcd's tool makes the member in staging; the snapshot's database is read beside it.
    Make,
    /// The member that was made is read back.
    Check,
    /// The marker is laid into it.
    Mark,
    /// All of it is on the disk.
    Sync,
    /// That this member was made on this volume is recorded.
    Claim,
    /// It becomes the live member.
    Swap,
    /// Staging goes.
    Tidy,
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
pub(crate) struct Walk {
    halt: Halt,
    watch: Watch,
}

impl Walk {
    pub(crate) fn new(halt: Halt, watch: Watch) -> Self {
        Self { halt, watch }
    }

    /// A step that a stop or the deadline ends.
    pub(crate) async fn step<T>(
        &self,
        step: Step,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        self.last(step, self.halt.or(work)).await
    }

    /// A step that is finished once it has begun.
    pub(crate) async fn last<T>(
        &self,
        step: Step,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        (self.watch)(step, Edge::Before);
        let done = work.await;
        if done.is_ok() {
            (self.watch)(step, Edge::After);
        }
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
    pub(crate) const ALL: [Self; 16] = [
        Self::Look,
        Self::Pin,
        Self::Claims,
        Self::Peers,
        Self::Tool,
        Self::Volume,
        Self::Clean,
        Self::Room,
        Self::Download,
        Self::Make,
        Self::Check,
        Self::Mark,
        Self::Sync,
        Self::Claim,
        Self::Swap,
        Self::Tidy,
    ];
}
