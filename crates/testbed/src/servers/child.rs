// SPDX-License-Identifier: Apache-2.0
//! A store's process: started on a free port, ready when it answers HTTP, killed when dropped.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::ask::Ask;
use crate::ports;
use crate::proc::{Running, Spawn};
use crate::tool::needed_tool;

/// A cold node.js on a busy machine takes seconds.
const START: Duration = Duration::from_secs(60);

/// When a server counts as started.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ready {
    /// This target has an answer that is no server error.
    Answers(&'static str),
    /// It takes connections: all that can be asked of TLS without its authority.
    Listens,
}

impl Ready {
    fn now(self, at: SocketAddr) -> bool {
        match self {
            Ready::Listens => TcpStream::connect(at).is_ok(),
            Ready::Answers(target) => {
                Ask::new("GET", target).send(at).is_ok_and(|answer| answer.head.status < 500)
            }
        }
    }
}

/// A running store and its folder.
#[derive(Debug)]
pub(super) struct Child {
    // In this order: it is killed before its folder goes.
    run: Running,
    pub(super) at: SocketAddr,
    pub(super) folder: tempfile::TempDir,
}

impl Child {
    /// Starts a program, to which `told` gives its arguments, and waits until it is ready.
    pub(super) fn start(
        name: &str,
        ready: Ready,
        told: impl Fn(Spawn, SocketAddr, &Path) -> Spawn,
    ) -> anyhow::Result<Child> {
        let program = needed_tool(name)?;
        let folder = tempfile::Builder::new().prefix("testbed-store-").tempdir()?;
        let start = |free: &[SocketAddr]| {
            let at = *free.first().context("one port was asked for")?;
            let spawn = Spawn::new(&program).clean_env().env("HOME", folder.path());
            let spawn = spawn.current_dir(folder.path());
            let mut run = told(spawn, at, folder.path()).start()?;
            run.wait_until(START, &format!("{name} answers"), |_| ready.now(at))?;
            // Whoever answered, it was not this one if it has ended.
            ensure!(run.exited().is_none(), "{name} ended\n{}", run.story());
            Ok((run, at))
        };
        let (run, at) = ports::on_free(1, start).with_context(|| format!("starting {name}"))?;
        Ok(Child { run, at, folder })
    }

    /// The process.
    pub(super) fn run(&self) -> &Running {
        &self.run
    }
}

/// Waits for a start on a thread that may block.
pub(super) async fn in_background<T: Send + 'static>(
    start: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(start).await.context("the start was broken off")?
}
