// SPDX-License-Identifier: Apache-2.0
//! What goes on beside the requests: readiness follows the credentials, files follow readiness.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use admin::Guard;
use anyhow::Context;
use credential::Live;
use sidecar::{FOR_ALL, replace_file};

use crate::caller::{Caller, Endpoint};
use crate::config::Config;
use crate::document;
use crate::listen::Bound;
use crate::metrics::waiting_text;
use crate::traffic::{self, Traffic};

const STATS_EVERY: Duration = Duration::from_secs(5);
const SECRET_EVERY: Duration = Duration::from_secs(2);
/// Validity ends by the clock, without an event.
const VALIDITY_EVERY: Duration = Duration::from_millis(500);

/// The files by which the neighbour finds us. Written once we can serve it.
pub(crate) struct NeighbourFiles {
    caller: Arc<Caller>,
    url: String,
    port: u16,
    region: String,
    document: Option<String>,
    port_file: Option<PathBuf>,
}

impl NeighbourFiles {
    pub(crate) fn new(config: &Config, bound: &Bound, caller: Arc<Caller>) -> Self {
        let url = bound.url();
        let document = config.serve_credentials.then(|| format!("{url}{}", document::PATH));
        Self {
            caller,
            port: bound.port(),
            region: config.store.region.clone(),
            document,
            port_file: config.port_file.clone(),
            url,
        }
    }

    /// The port file last: who waits for it finds the others.
    fn write(&self) -> anyhow::Result<()> {
        self.caller.write_files(&Endpoint {
            url: &self.url,
            region: &self.region,
            document: self.document.as_deref(),
        })?;
        if let Some(path) = &self.port_file {
            replace_file(path, self.port.to_string().as_bytes(), FOR_ALL)
                .with_context(|| format!("writing --port-file {}", path.display()))?;
        }
        Ok(())
    }
}

/// Keeps readiness in step with the credentials; writes the neighbour's files at the first set.
pub(crate) async fn follow_credentials(live: Live, guard: Guard, files: NeighbourFiles) {
    let mut has_written = false;
    loop {
        // Subscribed before looking: a change in between is not lost.
        let changed = live.changed();
        match live.current() {
            None => guard.set_waiting(waiting_text(&live)),
            Some(_) if has_written => guard.set_ready(),
            Some(held) => match files.write() {
                Ok(()) => {
                    has_written = true;
                    guard.set_ready();
                    tracing::info!(endpoint = files.url, generation = held.generation, "ready");
                }
                Err(error) => {
                    tracing::error!(
                        error = format!("{error:#}"),
                        "the neighbour's files cannot be written"
                    );
                    guard.set_waiting(format!("{error:#}"));
                }
            },
        }
        // Either the set changed, or its validity may have ended meanwhile.
        let _ = tokio::time::timeout(VALIDITY_EVERY, changed).await;
    }
}

/// Writes the tallies, so that a killed proxy loses five seconds of them at most.
pub(crate) async fn write_stats(path: Option<PathBuf>, traffic: Arc<Traffic>) {
    let Some(path) = path else { return };
    let mut written = None;
    loop {
        let tallies = traffic.tallies();
        if written != Some(tallies) {
            match traffic::write(&path, &tallies) {
                Ok(()) => written = Some(tallies),
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "tallies cannot be written")
                }
            }
        }
        tokio::time::sleep(STATS_EVERY).await;
    }
}

/// Takes a changed caller secret into force.
pub(crate) async fn reread_secret(caller: Arc<Caller>) {
    loop {
        tokio::time::sleep(SECRET_EVERY).await;
        if let Err(error) = caller.reread() {
            tracing::warn!(
                error = format!("{error:#}"),
                "the callers' secret cannot be read again, the old one stays in force"
            );
        }
    }
}
