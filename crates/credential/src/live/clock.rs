// SPDX-License-Identifier: Apache-2.0
//! Two clocks: sets expire by the wall's, which may jump; waiting goes by the steady one, which
//! stands still while the machine sleeps.

use std::time::SystemTime;

use tokio::time::Instant;

/// Tells the wall-clock time by which sets expire.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> SystemTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) wall: SystemTime,
    pub(super) steady: Instant,
}
