// SPDX-License-Identifier: Apache-2.0
//! What ends a run early: a stop, or the deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::{Exit, Failure, Stop};

/// A stop or a deadline, whichever comes first. Once something is being committed neither is heard.
#[derive(Debug, Clone)]
pub struct Halt {
    stop: Stop,
    deadline: Option<(Instant, Duration)>,
}

impl Halt {
    /// A deadline counts from now.
    #[must_use]
    pub fn new(stop: Stop, deadline: Option<Duration>) -> Self {
        Self { stop, deadline: deadline.map(|span| (Instant::now() + span, span)) }
    }

    /// Returns once the run must end, and why.
    pub async fn reached(&self) -> anyhow::Error {
        let Some((at, span)) = self.deadline else {
            self.stop.requested().await;
            return stopped();
        };
        tokio::select! {
            () = self.stop.requested() => stopped(),
            () = sleep_until(at) => {
                let why = anyhow::anyhow!("the deadline of {span:?} passed; nothing was committed");
                Failure::new(Exit::Temporary, why)
            }
        }
    }

    /// Runs a future until the run must end.
    ///
    /// # Errors
    /// The future's, or why the run must end.
    pub async fn or<T>(
        &self,
        future: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            biased;
            why = self.reached() => Err(why),
            result = future => result,
        }
    }
}

fn stopped() -> anyhow::Error {
    Failure::new(Exit::Stopped, anyhow::anyhow!("stopped when asked; nothing was committed"))
}
