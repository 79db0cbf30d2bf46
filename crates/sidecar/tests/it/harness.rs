// SPDX-License-Identifier: Apache-2.0
//! Runs the example program, never for ever.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Far beyond what anything here takes; only a defect reaches it.
const LIMIT: Duration = Duration::from_secs(20);

/// The example program, with nothing of ours in its environment.
pub(crate) fn contract(arguments: &[&str]) -> Command {
    let this = std::env::current_exe().unwrap();
    let built = this.ancestors().nth(2).unwrap();
    let example = built.join("examples/contract");
    assert!(example.exists(), "build it first: cargo build -p sidecar --examples");
    let mut command = Command::new(example);
    command.env_remove("RUST_LOG").args(arguments);
    command
}

/// Runs to the end.
pub(crate) fn run(command: Command) -> Output {
    assert_cmd::Command::from_std(command).timeout(LIMIT).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The lines of a log, each of them JSON.
pub(crate) fn json_lines(output: &[u8]) -> Vec<Value> {
    text(output).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Where a process leaves its last word.
pub(crate) struct LastWord(TempDir);

impl LastWord {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("termination-log")
    }

    pub(crate) fn is_absent(&self) -> bool {
        !self.path().exists()
    }

    /// All of it; its sentence; its JSON line.
    pub(crate) fn read(&self) -> (String, String, Value) {
        let written = std::fs::read_to_string(self.path()).unwrap();
        let (sentence, json) = written.split_once('\n').unwrap();
        let json = serde_json::from_str(json).unwrap();
        (written.clone(), sentence.to_owned(), json)
    }
}

/// A process whose log is read line by line. It is killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = sync_channel(1000);
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    /// Waits for a log line with this message.
    pub(crate) fn expect_message(&mut self, message: &str) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).expect(message);
            let line: Value = serde_json::from_str(&line).expect(&line);
            if line["message"] == message {
                return line;
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
        panic!("it did not end")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
