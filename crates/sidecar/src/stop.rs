// SPDX-License-Identifier: Apache-2.0
//! SIGTERM and SIGINT: the first asks to stop, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::outcome::Exit;

/// Asked to stop or not. Clones share the answer.
#[derive(Debug, Clone)]
pub struct Stop {
    token: CancellationToken,
    grace: Duration,
}

/// Asks a [`Stop`] by hand, for a program that runs inside a test.
#[derive(Debug)]
pub struct Trigger(CancellationToken);

impl Trigger {
    /// Asks to stop.
    pub fn stop(&self) {
        self.0.cancel();
    }
}

impl Stop {
    /// A stop that only its trigger asks.
    #[must_use]
    pub fn manual(grace: Duration) -> (Self, Trigger) {
        let token = CancellationToken::new();
        (Self { token: token.clone(), grace }, Trigger(token))
    }

    /// Returns once a stop is asked for.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// Whether a stop is asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// How long a server may drain.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.grace
    }

    /// A stop on signals. A second signal exits from inside the handler, whatever hangs.
    pub(crate) fn on_signals(grace: Duration) -> std::io::Result<Self> {
        // First the listeners: a signal that only arms would be lost as the one that asks.
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let armed = Arc::new(AtomicBool::new(false));
        for kind in [SIGTERM, SIGINT] {
            let code = i32::from(Exit::Stopped.code());
            // The order matters: a handler that arms before it looks would exit at the first signal.
            flag::register_conditional_shutdown(kind, code, Arc::clone(&armed))?;
            flag::register(kind, Arc::clone(&armed))?;
        }
        let (stop, trigger) = Self::manual(grace);
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            trigger.stop();
        });
        Ok(stop)
    }
}
