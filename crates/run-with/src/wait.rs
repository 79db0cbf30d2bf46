// SPDX-License-Identifier: Apache-2.0
//! Waits, not for ever, until files exist.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sidecar::{Exit, Failure, Stop};
use tokio::time::{Instant, sleep, sleep_until};

/// Polling works on every volume; inotify is blind on network file systems.
const PERIOD: Duration = Duration::from_millis(100);

/// Returns once all files exist.
///
/// # Errors
/// [`Exit::Unavailable`] at the limit, naming the files that did not appear; [`Exit::Stopped`].
pub(crate) async fn for_files(
    files: &[PathBuf],
    limit: Duration,
    stop: &Stop,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + limit;
    let mut told = String::new();
    loop {
        let missing = missing(files).await;
        if missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join(", ");
        if missing != told {
            tracing::debug!(files = missing, "waiting");
            told.clone_from(&missing);
        }
        tokio::select! {
            () = stop.requested() => {
                let why = anyhow::anyhow!("stopped while waiting for {missing}");
                return Err(Failure::new(Exit::Stopped, why));
            }
            () = sleep_until(deadline) => return Err(too_late(&missing, limit)),
            () = sleep(PERIOD) => {}
        }
    }
}

fn too_late(missing: &str, limit: Duration) -> anyhow::Error {
    let why = anyhow::anyhow!(
        "--wait-for: did not appear within {limit:?}: {missing}; \
         does its writer run, and do both mount the volume there?"
    );
    Failure::new(Exit::Unavailable, why)
}

/// The files that do not exist, with the reason where it is another than that.
async fn missing(files: &[PathBuf]) -> Vec<String> {
    let mut missing = Vec::new();
    for file in files {
        missing.extend(why_missing(file).await);
    }
    missing
}

async fn why_missing(file: &Path) -> Option<String> {
    match tokio::fs::try_exists(file).await {
        Ok(true) => None,
        Ok(false) => Some(file.display().to_string()),
        Err(error) => Some(format!("{} ({error})", file.display())),
    }
}
