// SPDX-License-Identifier: Apache-2.0
//! The flags, as typed and as resolved. Each has an env twin `RUN_WITH_<FLAG>`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use credential::{BrokerFlags, BrokerUrl};
use sidecar::{Given, Logs, Problems, ProcessArgs, Program, Span};

use crate::environment::Source;
use crate::password::Ask;
use crate::variable;

const DEFAULT_WAIT: Duration = Duration::from_secs(60);

/// Waits for files, fills the environment from files, then becomes the command: no shell needed.
/// It can ask a broker for the password of a repository first.
///
/// Later sources win over earlier ones: the inherited environment, then --env-file, then --env.
#[derive(Debug, clap::Parser)]
#[command(name = "run-with")]
pub(crate) struct Args {
    /// Wait until this file exists; repeatable. Whoever writes it should rename it into place
    #[arg(long, value_name = "FILE")]
    wait_for: Vec<PathBuf>,

    /// Give up waiting after this long [default: 60s]
    #[arg(long, value_name = "SPAN")]
    wait_timeout: Option<Given<Span>>,

    /// Put this file's KEY=VALUE lines into the environment; repeatable
    ///
    /// Allowed are empty lines, `#` comment lines, a leading `export `, and values in single or double
    /// quotes. Nothing is expanded; a value has one line.
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,

    /// Put this file's text, less one newline at its end, into a variable; repeatable
    #[arg(long, value_name = "NAME=@FILE")]
    env: Vec<String>,

    /// Ask a broker for the repository's password, write it here, mode 0640, and only then go on
    ///
    /// While the broker is unavailable it is asked again until --wait-timeout. To hand the password on,
    /// name the file: --env KOPIA_PASSWORD=@FILE.
    #[arg(long, value_name = "FILE", help_heading = "Broker")]
    repo_password_file: Option<PathBuf>,

    /// The broker, http or https [default: PGRO_BROKER_URL]
    #[arg(long, value_name = "URL", help_heading = "Broker")]
    broker: Option<String>,

    #[command(flatten)]
    broker_flags: BrokerFlags,

    /// The command and its arguments
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,

    #[command(flatten)]
    process: ProcessArgs,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) wait_for: Vec<PathBuf>,
    pub(crate) wait_timeout: Duration,
    pub(crate) password: Option<Ask>,
    /// In the order in which they apply.
    pub(crate) sources: Vec<Source>,
    pub(crate) command: CommandLine,
}

/// A program and its arguments.
#[derive(Debug)]
pub(crate) struct CommandLine {
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
}

impl Program for Args {
    type Plan = Plan;
    // The output belongs to the command.

    fn process(&self) -> &ProcessArgs {
        &self.process
    }

    fn logs(&self) -> Logs {
        Logs::QuietStderr
    }

    fn resolve(self, problems: &mut Problems) -> Option<Plan> {
        let wait_timeout = problems.given("--wait-timeout", self.wait_timeout);
        let mut sources: Vec<Source> = self.env_file.into_iter().map(Source::Lines).collect();
        for text in &self.env {
            match variable::from_file(text) {
                Ok(source) => sources.push(source),
                Err(problem) => problems.add(format!("--env {problem}")),
            }
        }
        let password = password(self.repo_password_file, self.broker, self.broker_flags, problems);
        let command = command_line(self.command);
        if command.is_none() {
            problems.add("a command is required after --");
        }
        Some(Plan {
            wait_for: self.wait_for,
            wait_timeout: wait_timeout.map_or(DEFAULT_WAIT, |Span(span)| span),
            password,
            sources,
            command: command?,
        })
    }
}

/// The file decides whether a broker is asked: an operator may name the broker to every container.
fn password(
    file: Option<PathBuf>,
    broker: Option<String>,
    flags: BrokerFlags,
    problems: &mut Problems,
) -> Option<Ask> {
    const FILE: &str = "--repo-password-file";
    let Some(file) = file else {
        if broker.is_some() {
            problems.add(format!("--broker is for {FILE} alone"));
        }
        flags.idle(FILE, problems);
        return None;
    };
    let broker = broker.or_else(former_broker);
    if broker.is_none() {
        problems.add(format!("--broker is required with {FILE}"));
    }
    // The text is not shown: it may hold a secret, which is what is wrong with it.
    let broker = broker.and_then(|url| {
        let parsed = url.parse::<BrokerUrl>();
        parsed.map_err(|why| problems.add(format!("--broker: {why}"))).ok()
    });
    let arguments = flags.needed(FILE, problems);
    Some(Ask { broker: broker?, arguments: arguments?, file })
}

/// As the restore operator names it to its own companion.
fn former_broker() -> Option<String> {
    std::env::var("PGRO_BROKER_URL").ok().filter(|url| !url.is_empty())
}

fn command_line(words: Vec<OsString>) -> Option<CommandLine> {
    let mut words = words.into_iter();
    let program = words.next().filter(|program| !program.is_empty())?;
    Some(CommandLine { program, arguments: words.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_are_well_formed_and_no_twin_looks_like_a_service_link() {
        Args::command().debug_assert();
        sidecar::testing::assert_no_service_link_twins::<Args>("run-with");
    }
}
