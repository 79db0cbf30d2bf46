// SPDX-License-Identifier: Apache-2.0
//! Ctrl-C and SIGTERM: the first lets the run end in good order, the second ends it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::anyhow;
use sidecar::{Exit, Failure};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether somebody asked to stop. Clones share the answer.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens to both signals from now on.
    pub(crate) fn listen() -> anyhow::Result<Interrupt> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            let code = i32::from(Exit::Stopped.code());
            // In this order: a handler that sets the flag before it looks would exit at once.
            flag::register_conditional_shutdown(signal, code, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Interrupt(asked))
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// An error of [`Exit::Stopped`] if somebody asked.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        match self.is_asked() {
            true => Err(Failure::new(Exit::Stopped, anyhow!("stopped by a signal"))),
            false => Ok(()),
        }
    }
}
