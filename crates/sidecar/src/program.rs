// SPDX-License-Identifier: Apache-2.0
//! What a program is: typed flags that resolve to a plan.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::StyledStr;

use flags::{Given, Problems, Span, twin};

/// A program's flags. Env twins `<BINARY>_<FLAG>` are added to each flag at start.
pub trait Program: clap::Parser {
    /// The resolved flags.
    type Plan;
    /// Where the admin listener is by default; `None` for a program without one.
    const ADMIN_DEFAULT: Option<&'static str> = None;

    /// The flags that every program has.
    fn process(&self) -> &ProcessArgs;

    /// Where its logs go.
    fn logs(&self) -> Logs {
        Logs::Stdout
    }

    /// Resolves the flags. What is wrong is added to `problems`, all of it.
    fn resolve(self, problems: &mut Problems) -> Option<Self::Plan>;
}

/// Where logs go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logs {
    /// To standard output, from INFO.
    Stdout,
    /// To standard error, from WARN, for programs whose output belongs to another.
    QuietStderr,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("known formats are json and text".to_owned()),
        }
    }
}

/// The flags that every program has.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Process")]
pub struct ProcessArgs {
    /// `json` or `text` [default: text on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<Given<LogFormat>>,

    /// Where the last word goes, for `kubectl describe` [default: /dev/termination-log, if it exists]
    #[arg(long, value_name = "FILE")]
    pub termination_log: Option<PathBuf>,

    /// Where all of the outcome goes, as JSON: the last word has room for a part of it
    #[arg(long, value_name = "FILE")]
    pub outcome_file: Option<PathBuf>,

    /// How long a server drains after SIGTERM; keep it below the pod's grace period [default: 25s]
    #[arg(long, value_name = "SPAN")]
    pub grace: Option<Given<Span>>,

    /// Check the configuration and exit
    #[arg(long)]
    pub check: bool,
}

/// The program's command.
pub(crate) fn command<P: Program>(name: &'static str) -> clap::Command {
    let build = crate::build_info(name);
    let version = format!("{} ({})", build.version, build.commit);
    let also = format!(
        "Also: `{name} probe` (is it ready?), `{name} install DIR` (a copy for another image)"
    );
    twinned(P::command().name(name).version(version).after_help(also), name)
}

/// With an env twin on each flag, those of subcommands included. An empty variable counts as unset.
fn twinned(command: clap::Command, name: &'static str) -> clap::Command {
    // Before or behind the subcommand's name: people write them in either place.
    let is_parent = command.has_subcommands();
    let with_twin = |arg: clap::Arg| match arg.get_long() {
        Some("help" | "version") => arg,
        Some(flag) if arg.get_env().is_none() => {
            let variable = twin(name, flag);
            let is_set = std::env::var_os(&variable).is_some_and(|value| !value.is_empty());
            let arg = with_note(arg, &format!("[env: {variable}]")).global(is_parent);
            if is_set { arg.env(variable).hide_env(true) } else { arg }
        }
        _ => arg,
    };
    command.mut_args(with_twin).mut_subcommands(|inner| twinned(inner, name))
}

/// Both of its helps name the twin.
fn with_note(arg: clap::Arg, note: &str) -> clap::Arg {
    let with = |help: &StyledStr, space: &str| format!("{help}{space}{note}");
    let short = arg.get_help().map_or_else(|| note.to_owned(), |help| with(help, " "));
    match arg.get_long_help().map(|help| with(help, "\n\n")) {
        Some(long) => arg.help(short).long_help(long),
        None => arg.help(short),
    }
}
