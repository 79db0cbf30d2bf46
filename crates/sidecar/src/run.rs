// SPDX-License-Identifier: Apache-2.0
//! From argv to exit code.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use crate::build_info::build_info;
use crate::given::{Problems, Span};
use crate::logs;
use crate::outcome::{Exit, Failure, Outcome};
use crate::probe;
use crate::program::{LogFormat, Logs, Program, command};
use crate::stop::Stop;
use crate::termination;

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
    if arguments.peek().is_some_and(|first| first == "probe") {
        arguments.next();
        return probe::run::<P>(name, arguments).into();
    }
    match prepare::<P>(name) {
        Ok(Prepared::Run(ready)) => execute(name, P::LOGS, *ready, run).into(),
        Ok(Prepared::Ended(exit)) => exit.into(),
        Err(refused) => {
            let Refused { sentence, termination_log } = refused;
            say(std::io::stderr(), &format!("{name}: {sentence}"));
            last_word(name, termination_log.as_ref(), Exit::Usage, &sentence, &Value::Null);
            Exit::Usage.into()
        }
    }
}

/// A configuration that holds.
struct Ready<P: Program> {
    plan: P::Plan,
    termination_log: Option<PathBuf>,
    format: Option<LogFormat>,
    grace: Duration,
}

enum Prepared<P: Program> {
    Run(Box<Ready<P>>),
    Ended(Exit),
}

struct Refused {
    sentence: String,
    termination_log: Option<PathBuf>,
}

fn prepare<P: Program>(name: &'static str) -> Result<Prepared<P>, Refused> {
    let refused = |error: clap::Error| Refused {
        sentence: error.to_string().trim().to_owned(),
        termination_log: None,
    };
    let matches = match command::<P>(name).try_get_matches() {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() => {
            let _ = error.print();
            return Ok(Prepared::Ended(Exit::Done));
        }
        Err(error) => return Err(refused(error)),
    };
    let program = P::from_arg_matches(&matches).map_err(refused)?;
    let process = program.process().clone();
    let mut problems = Problems::new(name);
    let format = problems.given("--log-format", process.log_format);
    let grace = problems.given("--grace", process.grace).map_or(DEFAULT_GRACE, |Span(span)| span);
    let plan = program.resolve(&mut problems);
    let termination_log = process.termination_log;
    match plan {
        Some(_) if problems.is_empty() && process.check => {
            say(std::io::stdout(), "configuration is valid");
            Ok(Prepared::Ended(Exit::Done))
        }
        Some(plan) if problems.is_empty() => {
            Ok(Prepared::Run(Box::new(Ready { plan, termination_log, format, grace })))
        }
        _ => Err(Refused { sentence: problems.sentence(), termination_log }),
    }
}

fn execute<P, F, Fut>(name: &'static str, destination: Logs, ready: Ready<P>, run: F) -> Exit
where
    P: Program,
    F: FnOnce(P::Plan, Stop) -> Fut,
    Fut: Future<Output = anyhow::Result<Outcome>>,
{
    logs::start(ready.format, destination);
    let build = build_info(name);
    tracing::info!(name, version = build.version, commit = build.commit, "starting");
    let termination_log = ready.termination_log.clone();
    // A panic is a failure like any other: it has an exit code and a last word.
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| in_runtime(ready, run)));
    let result = caught.unwrap_or_else(|_| {
        Err(anyhow::anyhow!("a defect made {name} panic; its log has the place"))
    });
    let (exit, sentence, facts) = match result {
        Ok(outcome) => {
            tracing::info!(exit = outcome.exit.code(), outcome = outcome.sentence, "finished");
            (outcome.exit, outcome.sentence, outcome.facts)
        }
        Err(error) => {
            let exit = Failure::exit_of(&error);
            let sentence = format!("{error:#}");
            tracing::error!(exit = exit.code(), error = sentence, "failed");
            (exit, sentence, Value::Null)
        }
    };
    last_word(name, termination_log.as_ref(), exit, &sentence, &facts);
    exit
}

fn in_runtime<P, F, Fut>(ready: Ready<P>, run: F) -> anyhow::Result<Outcome>
where
    P: Program,
    F: FnOnce(P::Plan, Stop) -> Fut,
    Fut: Future<Output = anyhow::Result<Outcome>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let stop = Stop::on_signals(ready.grace)?;
        run(ready.plan, stop).await
    });
    // A name look-up in a blocking thread must not hold up the exit.
    runtime.shutdown_background();
    result
}

fn last_word(name: &str, path: Option<&PathBuf>, exit: Exit, sentence: &str, facts: &Value) {
    let text = termination::message(name, exit, sentence, facts);
    if let Err(error) = termination::write(path, &text) {
        tracing::warn!(error = %error, "the termination message cannot be written");
    }
}

fn say(mut to: impl Write, text: &str) {
    // Nobody reads: then nobody needs it.
    let _ = writeln!(to, "{text}");
}
