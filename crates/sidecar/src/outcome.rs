// SPDX-License-Identifier: Apache-2.0
//! How a process ends.

use std::fmt;
use std::process::ExitCode;

use serde_json::Value;

/// The exit codes of every binary, so that a Job's `podFailurePolicy` can tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Done, some items failed.
    Partial = 2,
    /// Usage or configuration.
    Usage = 64,
    /// Data failed verification.
    Corrupt = 65,
    /// A dependency is unavailable.
    Unavailable = 69,
    /// Temporary: try again.
    Temporary = 75,
    /// Denied.
    Denied = 77,
    /// Stopped by a signal before finishing.
    Stopped = 143,
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A failure with an exit code of its own. Context may be added around it.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    source: anyhow::Error,
}

impl Failure {
    /// Wraps an error; its message stays the error's.
    #[expect(clippy::new_ret_no_self, reason = "executables pass anyhow errors up")]
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> anyhow::Error {
        anyhow::Error::new(Self { exit, source: error.into() })
    }

    /// The exit code of an error: that of the failure in its chain, else [`Exit::Failed`].
    #[must_use]
    pub fn exit_of(error: &anyhow::Error) -> Exit {
        error.downcast_ref::<Self>().map_or(Exit::Failed, |failure| failure.exit)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The whole chain, because the source is not shown again.
        write!(f, "{:#}", self.source)
    }
}

impl std::error::Error for Failure {}

/// What a run achieved.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended. What is found bad ends with [`Exit::Corrupt`] and has facts all the same.
    pub exit: Exit,
    /// One sentence for a person.
    pub sentence: String,
    /// The same for a program.
    pub facts: Value,
}

impl Outcome {
    /// All done.
    #[must_use]
    pub fn done(sentence: impl Into<String>) -> Self {
        Self { exit: Exit::Done, sentence: sentence.into(), facts: Value::Null }
    }

    /// With facts for programs.
    #[must_use]
    pub fn with(self, facts: Value) -> Self {
        Self { facts, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn an_exit_code_survives_added_context() {
        let error = Failure::new(Exit::Unavailable, anyhow::anyhow!("port taken"));
        let error = Err::<(), _>(error).context("starting").unwrap_err();
        assert_eq!(Failure::exit_of(&error), Exit::Unavailable);
        assert_eq!(format!("{error:#}"), "starting: port taken");
        assert_eq!(Failure::exit_of(&anyhow::anyhow!("x")), Exit::Failed);
    }
}
