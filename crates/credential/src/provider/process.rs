// SPDX-License-Identifier: Apache-2.0
//! A program that prints the document (`credential_process` of AWS's tools).
//!
//! No shell; a process group of its own, killed whole when the attempt is given up; what it prints
//! is bounded. Errors quote the last line of its stderr and never its stdout.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use crate::document::{Document, Version};
use crate::provider::{BoxFuture, Provider};
use crate::{Credential, Error, Kind, secret_file};

const PATIENCE: Duration = Duration::from_secs(30);

/// What is kept of stderr: its end.
const STDERR_KEPT: usize = 4 * 1024;

pub(crate) struct Process {
    name: String,
    program: String,
    arguments: Vec<String>,
}

impl Process {
    /// The program is looked up at each run: it may be installed later than we start.
    pub(crate) fn open(words: &[String]) -> Result<Self, Error> {
        let Some((program, arguments)) = words.split_first() else {
            return Err(Error::new(Kind::Invalid, "process", "the command is empty"));
        };
        Ok(Self {
            // Arguments may hold what is nobody's business.
            name: format!("process:{program}"),
            program: program.clone(),
            arguments: arguments.to_vec(),
        })
    }

    async fn run(&self) -> Result<Credential, Error> {
        let mut running = self.spawn()?;
        let ended = tokio::time::timeout(PATIENCE, self.output(&mut running)).await;
        let output = ended.unwrap_or_else(|_| {
            let message = format!("did not end within {} s and was killed", PATIENCE.as_secs());
            Err(self.error(Kind::Timeout, message))
        })?;
        Document::parse(&output)
            .and_then(|document| document.into_credential(Version::Required))
            .map_err(|defect| self.error(Kind::Invalid, format!("its output is no set: {defect}")))
    }

    fn spawn(&self) -> Result<Running, Error> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        command.spawn().map(Running::new).map_err(|error| {
            let message = format!("cannot be started: {error}; is it in this image?");
            self.error(Kind::Unavailable, message)
        })
    }

    async fn output(&self, running: &mut Running) -> Result<Zeroizing<Vec<u8>>, Error> {
        let lost = |error: std::io::Error| self.error(Kind::Unavailable, error.to_string());
        let pipes = (running.child.stdout.take(), running.child.stderr.take());
        let (Some(stdout), Some(stderr)) = pipes else {
            return Err(self.error(Kind::Unavailable, "its pipes are gone"));
        };
        let output = async {
            let output = secret_file::bounded(stdout, secret_file::LIMIT).await.map_err(lost)?;
            let message = || format!("printed more than {} KiB", secret_file::LIMIT / 1024);
            output.ok_or_else(|| self.error(Kind::Invalid, message()))
        };
        let complaint = async { end_of(stderr).await.map_err(lost) };
        let (output, complaint) = tokio::try_join!(output, complaint)?;
        let status = running.wait().await.map_err(lost)?;
        if status.success() {
            return Ok(output);
        }
        let said = excerpt::last_line(&complaint).unwrap_or_else(|| "nothing on stderr".to_owned());
        Err(self.error(Kind::Unavailable, format!("failed with {status}: {said}")))
    }

    fn error(&self, kind: Kind, message: impl Into<String>) -> Error {
        Error::new(kind, &self.name, message)
    }
}

/// Reads to the end and keeps the last 4 KiB.
async fn end_of(mut stream: impl AsyncRead + Unpin) -> std::io::Result<String> {
    let mut kept = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        kept.extend_from_slice(&buffer[..count]);
        kept.drain(..kept.len().saturating_sub(STDERR_KEPT));
    }
}

/// A child whose whole process group is killed when this is dropped before the child ended.
struct Running {
    child: Child,
    group: Option<Pid>,
}

impl Running {
    fn new(child: Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self { child, group: id.and_then(Pid::from_raw) }
    }

    /// Reaps the child. From then on its id may be another process's, so nothing is killed by it.
    async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.group = None;
        Ok(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // It fails only if nobody is left to kill.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Provider for Process {
    fn name(&self) -> &str {
        &self.name
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credential, Error>> {
        Box::pin(self.run())
    }

    /// A little more than the run's own patience, whose message says more.
    fn timeout(&self) -> Duration {
        PATIENCE + Duration::from_secs(1)
    }
}
