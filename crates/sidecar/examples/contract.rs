// SPDX-License-Identifier: Apache-2.0
//! A program that ends as it is told: the tests of the process contract run it.

use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Context;
use serde_json::json;
use sidecar::{Exit, Failure, Given, Outcome, Problems, ProcessArgs, Program, Size, Span, Stop};

/// Ends as it is told.
#[derive(Debug, clap::Parser)]
struct Args {
    /// How to end
    #[arg(long)]
    end: Option<Given<End>>,

    /// The last word
    #[arg(long)]
    sentence: Option<String>,

    /// A size for the facts
    #[arg(long)]
    size: Option<Given<Size>>,

    /// Spans for the facts
    ///
    /// It has a second paragraph, which only the long help shows.
    #[arg(long)]
    span: Vec<Given<Span>>,

    #[command(flatten)]
    process: ProcessArgs,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Done,
    Partial,
    Fail,
    Unavailable,
    Panic,
    /// Panics while a thread of the runtime never ends.
    PanicBusy,
    /// Ends well once it is asked to stop.
    Drain,
    /// Has something left to do when it is asked to stop.
    Interrupted,
    /// Hears that it is to stop, and does not.
    Deaf,
    /// Never gives the thread back, so that it cannot even hear.
    Hang,
}

impl FromStr for End {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "done" => Self::Done,
            "partial" => Self::Partial,
            "fail" => Self::Fail,
            "unavailable" => Self::Unavailable,
            "panic" => Self::Panic,
            "panic-busy" => Self::PanicBusy,
            "drain" => Self::Drain,
            "interrupted" => Self::Interrupted,
            "deaf" => Self::Deaf,
            "hang" => Self::Hang,
            _ => return Err("no such end"),
        })
    }
}

struct Plan {
    end: End,
    sentence: String,
    facts: serde_json::Value,
}

impl Program for Args {
    type Plan = Plan;
    // The port of tcpmux: nothing answers there.
    const ADMIN_DEFAULT: Option<&'static str> = Some("127.0.0.1:1");

    fn process(&self) -> &ProcessArgs {
        &self.process
    }

    fn resolve(self, problems: &mut Problems) -> Option<Plan> {
        let end = problems.required("--end", self.end);
        let size = problems.given("--size", self.size);
        let spans = problems.given_all("--span", self.span);
        if self.sentence.as_deref() == Some("") {
            problems.add("--sentence says nothing");
        }
        let seconds: Vec<f64> = spans.iter().map(|Span(span)| span.as_secs_f64()).collect();
        Some(Plan {
            end: end?,
            sentence: self.sentence.unwrap_or_else(|| "it is done".to_owned()),
            facts: json!({"size": size.map(|Size(bytes)| bytes), "spans": seconds}),
        })
    }
}

fn main() -> ExitCode {
    sidecar::main::<Args, _, _>("contract", run)
}

async fn run(plan: Plan, stop: Stop) -> anyhow::Result<Outcome> {
    tracing::info!(grace_s = stop.grace().as_secs_f64(), "running");
    let done = Outcome::done(&plan.sentence).with(plan.facts);
    match plan.end {
        End::Done => Ok(done),
        End::Partial => Ok(Outcome { exit: Exit::Partial, ..done }),
        End::Fail => Err(anyhow::anyhow!(plan.sentence)).context("below").context("above"),
        End::Unavailable => {
            let failure = Failure::new(Exit::Unavailable, anyhow::anyhow!(plan.sentence));
            Err(failure).context("starting")
        }
        End::Panic => panic!("a defect"),
        End::PanicBusy => {
            tokio::task::spawn_blocking(park);
            panic!("a defect")
        }
        End::Drain => {
            stop.requested().await;
            Ok(done)
        }
        End::Interrupted => {
            stop.requested().await;
            Err(Failure::new(Exit::Stopped, anyhow::anyhow!("stopped at half")))
        }
        End::Deaf => {
            stop.requested().await;
            tracing::info!("heard");
            std::future::pending().await
        }
        End::Hang => park(),
    }
}

fn park() -> ! {
    loop {
        std::thread::park();
    }
}
