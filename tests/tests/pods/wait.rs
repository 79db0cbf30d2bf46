// SPDX-License-Identifier: Apache-2.0
//! Waiting for what the cluster says, never for time.

use std::time::{Duration, Instant};

use anyhow::bail;

/// Each asking costs the cluster something, and many wait at once.
const PAUSE: Duration = Duration::from_millis(300);

/// Asks until there is an answer. Errors of the asking are kept for the case that none comes.
pub(crate) fn until<T>(
    within: Duration,
    what: &str,
    mut ask: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let start = Instant::now();
    loop {
        let last = match ask() {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => "not yet".to_owned(),
            Err(error) if error.is::<Hopeless>() => return Err(error),
            Err(error) => format!("{error:#}"),
        };
        if start.elapsed() > within {
            bail!("{what}: not within {} s; at last: {last}", within.as_secs());
        }
        std::thread::sleep(PAUSE);
    }
}

/// An error that no waiting mends.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Hopeless(pub(crate) String);
