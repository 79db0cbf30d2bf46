// SPDX-License-Identifier: Apache-2.0
//! The repository's password: a broker is asked for it, and it is written where the command and its
//! neighbours read it. It appears in no message and no log line.

use std::path::PathBuf;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use credential::{BrokerArgs, BrokerUrl, Error, RepoPassword, Secret};
use sidecar::{Exit, Failure, Stop, replace_file};
use tokio::time::{sleep, timeout};

/// The pauses between two questions grow from one to the other.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));
/// For this user and its group: neighbours in a pod share the volume's group.
const MODE: u32 = 0o640;

/// Whom to ask, and where the answer goes.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) broker: BrokerUrl,
    pub(crate) arguments: BrokerArgs,
    pub(crate) file: PathBuf,
}

/// Asks until there is an answer, and writes it.
///
/// # Errors
/// [`Exit::Denied`] at once if the broker refuses, with its words; [`Exit::Unavailable`] at the limit, with
/// what was wrong last; [`Exit::Usage`], [`Exit::Stopped`].
pub(crate) async fn fetch(ask: Option<Ask>, limit: Duration, stop: &Stop) -> anyhow::Result<()> {
    let Some(Ask { broker, arguments, file }) = ask else { return Ok(()) };
    let broker = RepoPassword::open(&broker, arguments)
        .map_err(|error| failure(Exit::Usage, &error.to_string()))?;
    let mut last = None;
    let answer = tokio::select! {
        answer = timeout(limit, answered(&broker, &mut last)) => answer,
        () = stop.requested() => {
            return Err(failure(Exit::Stopped, "stopped while the broker was asked"));
        }
    };
    match answer {
        Ok(Ok(password)) => write(file, password).await,
        Ok(Err(refusal)) => Err(failure(Exit::Denied, &refusal.to_string())),
        Err(_) => Err(failure(Exit::Unavailable, &too_late(last.as_ref(), limit))),
    }
}

fn failure(exit: Exit, why: &str) -> anyhow::Error {
    Failure::new(exit, anyhow::anyhow!("the repository's password: {why}"))
}

fn too_late(last: Option<&Error>, limit: Duration) -> String {
    match last {
        Some(error) => format!("none came within {limit:?}: {error}"),
        None => format!("the broker said nothing within {limit:?}"),
    }
}

/// The first answer that more patience cannot change; what was wrong last is left in `last`.
async fn answered(broker: &RepoPassword, last: &mut Option<Error>) -> Result<Secret, Error> {
    let (shortest, longest) = PAUSES;
    let pauses = ExponentialBuilder::new().with_min_delay(shortest).with_max_delay(longest);
    let mut pauses = pauses.without_max_times().with_jitter().build();
    loop {
        match broker.fetch().await {
            Err(error) if error.is_retryable() => {
                tracing::debug!(%error, "no password yet, asking again");
                let asked = error.retry_after().unwrap_or_default();
                *last = Some(error);
                sleep(pauses.next().unwrap_or(longest).max(asked)).await;
            }
            answer => return answer,
        }
    }
}

/// Off this thread, so that a file system that hangs cannot keep a stop from being heard.
async fn write(file: PathBuf, password: Secret) -> anyhow::Result<()> {
    let shown = file.display().to_string();
    let writing = move || replace_file(&file, password.expose().as_bytes(), MODE);
    tokio::task::spawn_blocking(writing).await?.map_err(|error| {
        let exit = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Exit::Denied,
            _ => Exit::Unavailable,
        };
        failure(exit, &format!("--repo-password-file: {shown}: cannot be written: {error}"))
    })
}
