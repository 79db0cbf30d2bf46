// SPDX-License-Identifier: Apache-2.0
//! The last step: this process becomes the command.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use sidecar::{Exit, Failure};

use crate::args::CommandLine;

/// Execs. A name without a slash is looked up in the `PATH` that the command will see.
///
/// # Errors
/// It returns only to say why the command cannot be executed.
pub(crate) fn this_process(
    command: &CommandLine,
    variables: Vec<(String, OsString)>,
) -> anyhow::Result<Infallible> {
    tracing::debug!(command = %command.program.display(), "becoming the command");
    let error = Command::new(&command.program).args(&command.arguments).envs(variables).exec();
    let (exit, why) = explain(&command.program, &error);
    Err(Failure::new(exit, anyhow::anyhow!(why)))
}

fn explain(program: &OsStr, error: &io::Error) -> (Exit, String) {
    let is_path = program.as_bytes().contains(&b'/');
    let program = program.display();
    match error.kind() {
        ErrorKind::NotFound if is_path => (
            Exit::Unavailable,
            format!(
                "command not found: {program}: no such file, or none of the interpreter it names"
            ),
        ),
        ErrorKind::NotFound => {
            (Exit::Unavailable, format!("command not found: {program} is in no directory of PATH"))
        }
        ErrorKind::PermissionDenied => (
            Exit::Unavailable,
            format!(
                "command cannot be executed: {program}: {error}; is it a file, and executable?"
            ),
        ),
        ErrorKind::ArgumentListTooLong => (
            Exit::Usage,
            format!(
                "command cannot be executed: {program}: arguments and variables are too long; \
                     one of them may have 128 KiB"
            ),
        ),
        _ => (Exit::Unavailable, format!("command cannot be executed: {program}: {error}")),
    }
}
