// SPDX-License-Identifier: Apache-2.0
//! Waiting for members that are on their way up.

use std::time::Duration;

use anyhow::anyhow;
use etcd_rpc::{Access, Error, Header, Kind, Member};
use sidecar::{Exit, Failure};
use tokio::time::{Instant, sleep};

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Until when is waited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    until: Instant,
    span: Duration,
}

impl Patience {
    pub(crate) fn new(span: Duration) -> Self {
        Self { until: Instant::now() + span, span }
    }

    /// Asks until there is an answer.
    ///
    /// # Errors
    /// [`Exit::Denied`] and [`Exit::Usage`] at once; [`Exit::Unavailable`] when the time is over.
    pub(crate) async fn ask<T>(
        self,
        mut question: impl AsyncFnMut() -> Result<T, Error>,
    ) -> anyhow::Result<T> {
        let mut pause = SHORTEST;
        loop {
            let error = match tokio::time::timeout_at(self.until, question()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => return Err(self.over("no answer")),
            };
            if !may_mend(error.kind()) {
                return Err(failure(error));
            }
            if Instant::now() + pause >= self.until {
                return Err(self.over(&error.to_string()));
            }
            tracing::debug!(error = %error, "asked again");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
        }
    }

    /// That the time is over.
    pub(crate) fn over(self, last: &str) -> anyhow::Error {
        Failure::new(Exit::Unavailable, anyhow!("not confirmed within {:?}: {last}", self.span))
    }

    /// Waits a little; no longer than there is time.
    pub(crate) async fn pause(self) -> bool {
        let is_over = Instant::now() + LONGEST.min(Duration::from_secs(1)) >= self.until;
        if !is_over {
            sleep(Duration::from_secs(1)).await;
        }
        !is_over
    }
}

/// A member that serves reads through the quorum.
#[derive(Debug, Clone)]
pub(crate) struct Reached {
    pub(crate) member: Member,
    pub(crate) header: Header,
}

/// Waits for one endpoint.
///
/// # Errors
/// As of [`Patience::ask`].
pub(crate) async fn reach(
    endpoint: &str,
    access: &Access,
    patience: Patience,
) -> anyhow::Result<Reached> {
    let connect = async || {
        let member = Member::connect(endpoint, access).await?;
        let header = member.linearizable_read().await?;
        Ok(Reached { member, header })
    };
    patience.ask(connect).await
}

/// What time may mend.
fn may_mend(kind: Kind) -> bool {
    match kind {
        Kind::Denied | Kind::Usage | Kind::Compacted => false,
        Kind::Unavailable | Kind::Late | Kind::Future | Kind::Learner | Kind::Failed => true,
    }
}

/// With the exit code it deserves.
pub(crate) fn failure(error: Error) -> anyhow::Error {
    match error.kind() {
        Kind::Denied => {
            let hint = match error.to_string().to_lowercase().contains("certificate") {
                true => "it needs a client certificate that it trusts (--cert and --key)",
                false => "it needs a user with the role root, of the snapshot's own users (--user)",
            };
            Failure::new(Exit::Denied, anyhow!("{error}; {hint}"))
        }
        Kind::Usage => Failure::new(Exit::Usage, error),
        _ => Failure::new(Exit::Unavailable, error),
    }
}
