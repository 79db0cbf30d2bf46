// SPDX-License-Identifier: Apache-2.0
//! Runs the binary, never for ever.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Far beyond what anything here takes; only a defect reaches it.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// The binary, with nothing of ours in its environment.
pub(crate) fn run_with() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("run-with"));
    command.env_remove("RUST_LOG");
    command
}

/// Runs to the end.
pub(crate) fn run(command: &mut Command) -> Output {
    assert_cmd::Command::from_std(std::mem::replace(command, Command::new("true")))
        .timeout(LIMIT)
        .output()
        .unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder with files.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes beside, then renames, as the promise of `--wait-for` wants it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let file = tempfile::NamedTempFile::new_in(self.0.path()).unwrap();
        std::fs::write(file.path(), content).unwrap();
        file.persist(self.path(name)).unwrap();
        self.path(name)
    }
}

/// `NAME=@FILE`.
pub(crate) fn from_file(name: &str, file: &Path) -> String {
    format!("{name}=@{}", file.display())
}

/// A process whose standard error is read line by line. It is killed when dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = sync_channel(1000);
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line of standard error that holds this.
    pub(crate) fn expect_line(&mut self, part: &str) {
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line);
                    if self.seen.last().unwrap().contains(part) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => {
                    panic!("no line with {part:?} in {:#?}", self.seen)
                }
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it did not end; its standard error: {:#?}", self.seen)
    }

    /// All of standard error, after the end.
    pub(crate) fn stderr(&mut self) -> String {
        self.seen.extend(self.lines.iter());
        self.seen.join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
