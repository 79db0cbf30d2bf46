// SPDX-License-Identifier: Apache-2.0
//! Runs of a program, never for ever, with nothing of our own environment.

use std::ffi::OsStr;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testbed::{Running, Spawn};

/// Far beyond what anything here takes; only a defect reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run to be.
pub struct Run {
    spawn: Spawn,
    files: TempDir,
}

/// A run that goes on.
pub struct Going {
    /// The process.
    pub running: Running,
    files: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// The last word's sentence.
    pub sentence: String,
    /// The outcome's facts.
    pub facts: Value,
    /// All of its standard output.
    pub stdout: String,
    /// All of its log.
    pub log: String,
}

impl Run {
    /// A run of a program, whose temporary files go where it leaves nothing behind.
    pub fn new(program: &str, args: &[&str]) -> Self {
        let files = tempfile::Builder::new().prefix("stock-run-").tempdir().unwrap();
        let spawn = Spawn::new(program).clean_env().env("TMPDIR", files.path()).args(args);
        let spawn = spawn.arg("--termination-log").arg(files.path().join("last-word"));
        let spawn = spawn.arg("--outcome-file").arg(files.path().join("outcome"));
        Self { spawn, files }
    }

    /// With more flags.
    pub fn args(self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        Self { spawn: self.spawn.args(args), ..self }
    }

    /// With one more argument.
    pub fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.args([arg])
    }

    /// With a variable.
    pub fn env(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        Self { spawn: self.spawn.env(name, value), ..self }
    }

    /// Starts it.
    pub fn start(self) -> Going {
        Going { running: self.spawn.start().unwrap(), files: self.files }
    }

    /// Runs it to its end.
    pub fn end(self) -> Ended {
        self.start().end()
    }
}

impl Going {
    /// Waits for its end.
    ///
    /// # Panics
    /// If it was killed, or left no last word.
    pub fn end(mut self) -> Ended {
        let status = self.running.wait(PATIENCE).unwrap();
        let (stdout, log) = (self.running.stdout(), self.running.stderr());
        let Some(code) = status.code() else { panic!("killed: {stdout}{log}") };
        let outcome = std::fs::read(self.files.path().join("outcome")).unwrap_or_default();
        let outcome: Value = serde_json::from_slice(&outcome).unwrap_or_default();
        let last_word = std::fs::read_to_string(self.files.path().join("last-word"));
        let last_word = last_word.unwrap_or_else(|_| panic!("no last word: {stdout}{log}"));
        let sentence = match outcome["sentence"].as_str() {
            Some(whole) => whole.to_owned(),
            None => last_word.lines().next().unwrap_or_default().to_owned(),
        };
        Ended { code, sentence, facts: outcome["facts"].clone(), stdout, log }
    }
}

impl Ended {
    /// Asserts the exit code, and words of the last sentence.
    ///
    /// # Panics
    /// If it ended otherwise.
    pub fn assert(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{}\n{}{}", self.sentence, self.stdout, self.log);
        for word in words {
            assert!(self.sentence.contains(word), "no `{word}` in: {}", self.sentence);
        }
        self
    }

    /// Its standard output, which is one JSON document.
    ///
    /// # Panics
    /// If it is not.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("not JSON: {}", self.stdout))
    }
}
