// SPDX-License-Identifier: Apache-2.0
//! From argv to exit code.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use flags::twin;
use serde_json::Value;

use crate::program::{LogFormat, Logs, Program, command};
use crate::{
    Exit, Failure, Outcome, Problems, Span, Stop, build_info, install, logs, probe, termination,
};

const DEFAULT_GRACE: Duration = Duration::from_secs(25);

/// Runs a program: parses, resolves, logs, handles signals, and says how it ended.
///
/// The runtime has one thread: a proxy is a quarter cheaper per byte on one than on two.
pub fn main<P, F, Fut>(name: &'static str, run: F) -> ExitCode
where
    P: Program,
    F: FnOnce(P::Plan, Stop) -> Fut,
    Fut: Future<Output = anyhow::Result<Outcome>>,
{
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|first| first == "probe").is_some() {
        return probe::run::<P>(name, arguments).into();
    }
    if arguments.next_if(|first| first == "install").is_some() {
        logs::start(None, Logs::Stdout);
        return end(name, &Start::default(), install::run(name, arguments)).into();
    }
    let mut start = Start::default();
    let exit = match prepare::<P>(name, &mut start) {
        Ok(Some(plan)) => execute(name, &start, plan, run),
        Ok(None) => Exit::Done,
        Err(sentence) => {
            say(std::io::stderr(), &format!("{name}: {sentence}"));
            last_word(name, &start, Exit::Usage, &sentence, &Value::Null);
            Exit::Usage
        }
    };
    exit.into()
}

/// What is known of the process before it runs.
#[derive(Default)]
struct Start {
    termination_log: Option<PathBuf>,
    outcome_file: Option<PathBuf>,
    format: Option<LogFormat>,
    logs: Option<Logs>,
    grace: Option<Span>,
}

/// The plan; nothing for `--help`, `--version` and `--check`; all problems in one sentence.
fn prepare<P: Program>(name: &'static str, start: &mut Start) -> Result<Option<P::Plan>, String> {
    let refused = |error: clap::Error| error.to_string().trim().to_owned();
    let matches = match command::<P>(name).try_get_matches() {
        Err(error) if !error.use_stderr() => {
            let _ = error.print();
            return Ok(None);
        }
        Err(error) => {
            start.termination_log = termination_log_despite_errors(name);
            return Err(refused(error));
        }
        Ok(matches) => matches,
    };
    let program = P::from_arg_matches(&matches).map_err(refused)?;
    let process = program.process().clone();
    let mut problems = Problems::new(name);
    start.logs = Some(program.logs());
    start.termination_log = process.termination_log;
    start.outcome_file = process.outcome_file;
    start.format = problems.given("--log-format", process.log_format);
    start.grace = problems.given("--grace", process.grace);
    let plan = program.resolve(&mut problems);
    match plan {
        Some(_) if problems.is_empty() && process.check => {
            say(std::io::stdout(), "configuration is valid");
            Ok(None)
        }
        Some(plan) if problems.is_empty() => Ok(Some(plan)),
        _ => Err(problems.sentence()),
    }
}

/// The flag or its twin, read without clap, which gives nothing back once it refuses a flag.
fn termination_log_despite_errors(name: &str) -> Option<PathBuf> {
    const FLAG: &str = "--termination-log";
    let mut arguments = std::env::args_os().take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        let behind = argument.to_str().and_then(|text| text.strip_prefix(FLAG));
        match behind.map(|rest| rest.strip_prefix('=').ok_or(rest)) {
            Some(Ok(path)) => return Some(path.into()),
            Some(Err("")) => return arguments.next().map(PathBuf::from),
            _ => {}
        }
    }
    std::env::var_os(twin(name, "termination-log")).filter(|path| !path.is_empty()).map(Into::into)
}

fn execute<T, F, Fut>(name: &'static str, start: &Start, plan: T, run: F) -> Exit
where
    F: FnOnce(T, Stop) -> Fut,
    Fut: Future<Output = anyhow::Result<Outcome>>,
{
    logs::start(start.format, start.logs.unwrap_or(Logs::Stdout));
    let build = build_info(name);
    tracing::info!(name, version = build.version, commit = build.commit, "starting");
    let grace = start.grace.map_or(DEFAULT_GRACE, |Span(span)| span);
    end(name, start, in_runtime(name, grace, |stop| run(plan, stop)))
}

/// Says how it ended.
fn end(name: &str, start: &Start, result: anyhow::Result<Outcome>) -> Exit {
    let (exit, sentence, facts) = match result {
        Ok(outcome) => (outcome.exit, outcome.sentence, outcome.facts),
        Err(error) => (Failure::exit_of(&error), format!("{error:#}"), Value::Null),
    };
    match exit {
        Exit::Done | Exit::Partial => {
            tracing::info!(exit = exit.code(), outcome = sentence, "finished")
        }
        _ => tracing::error!(exit = exit.code(), error = sentence, "failed"),
    }
    last_word(name, start, exit, &sentence, &facts);
    exit
}

fn in_runtime<F, Fut>(name: &str, grace: Duration, run: F) -> anyhow::Result<Outcome>
where
    F: FnOnce(Stop) -> Fut,
    Fut: Future<Output = anyhow::Result<Outcome>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // A panic is a failure like any other: it has an exit code and a last word.
    let result = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async { run(Stop::on_signals(grace)?).await })
    }));
    // A name look-up in a blocking thread must not hold up the exit, nor that of a panic.
    runtime.shutdown_background();
    result.unwrap_or_else(|_| {
        Err(anyhow::anyhow!("a defect made {name} panic; its log has the place"))
    })
}

fn last_word(name: &str, start: &Start, exit: Exit, sentence: &str, facts: &Value) {
    let text = termination::message(name, exit, sentence, facts);
    if let Err(error) = termination::write(start.termination_log.as_deref(), &text) {
        tracing::warn!(error = %error, "the termination message cannot be written");
    }
    let Some(path) = &start.outcome_file else { return };
    if let Err(error) = termination::outcome(path, name, exit, sentence, facts) {
        tracing::warn!(error = %error, path = %path.display(), "the outcome file cannot be written");
    }
}

/// Prints a line; where nobody reads, nobody needs it.
pub(crate) fn say(mut to: impl Write, text: &str) {
    let _ = writeln!(to, "{text}");
}
