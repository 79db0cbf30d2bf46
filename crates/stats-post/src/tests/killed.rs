// SPDX-License-Identifier: Apache-2.0
//! kill -9 before and after every step: the next life goes on, and the server holds one report, with the
//! tallies of the one that was spooled first.
//!
//! The process that is killed is this very test binary, started again for its test [`victim`].

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser as _;
use rustix::process::{Signal, getpid, kill_process};
use serde_json::{Value, json};
use sidecar::{Exit, Outcome, Problems, Program as _, Stop};
use stub_canopy::{Config, Stub};

use crate::args::Args;
use crate::life::live;
use crate::resolve::Plan;
use crate::steps::{Edge, Step, Watch, told};

/// The flags of a life, one a line; only a victim has it.
const FLAGS: &str = "PILOTFISH_VICTIM_FLAGS";
/// Where it dies.
const AT: &str = "PILOTFISH_VICTIM_AT";
/// The file that it tells of each edge.
const TRACE: &str = "PILOTFISH_VICTIM_TRACE";

/// Before or after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct At(Step, Edge);

impl At {
    /// Every place, in order.
    fn all() -> impl Iterator<Item = Self> {
        Step::ALL.into_iter().flat_map(|step| [Self(step, Edge::Before), Self(step, Edge::After)])
    }

    /// Whether this one is reached no sooner than that one.
    fn is_from(self, that: Self) -> bool {
        let place = |at| Self::all().position(|it| it == at).unwrap();
        place(self) >= place(that)
    }

    /// What a life that dies here leaves in the spool.
    fn leaves(self) -> Option<&'static str> {
        let stages = [
            (Self(Step::Mark, Edge::After), "delivered"),
            (Self(Step::Spool, Edge::After), "pending"),
            (Self(Step::Count, Edge::Before), "counting"),
        ];
        stages.into_iter().find(|(from, _)| self.is_from(*from)).map(|(_, stage)| stage)
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.1, self.0)
    }
}

/// A server, a shared folder and a spool.
struct Bed {
    stub: Stub,
    files: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        let stub = Stub::start(Config::new(json!({"dedupe": true}))).unwrap();
        let bed = Self { stub, files: tempfile::tempdir().unwrap() };
        bed.move_bytes(1);
        bed
    }

    /// What the neighbours have moved.
    fn move_bytes(&self, bytes: u64) {
        let tallies = json!({
            "sent_raw_bytes": bytes, "sent_payload_bytes": 0,
            "received_raw_bytes": 0, "received_payload_bytes": 0,
        });
        std::fs::write(self.files.path().join("proxy.json"), tallies.to_string()).unwrap();
    }

    fn flags(&self) -> Vec<String> {
        let at = self.files.path().display();
        [
            format!("--url={}", self.stub.url()),
            format!("--watch={at}"),
            format!("--spool-dir={at}/spool"),
            "--run-id=9e9e".to_owned(),
            "--namespace=ns".to_owned(),
            "--job=job".to_owned(),
            "--admin-listen=127.0.0.1:0".to_owned(),
        ]
        .into()
    }

    /// The stage that the spool is in.
    fn stage(&self) -> Option<String> {
        let entry = std::fs::read_dir(self.files.path().join("spool")).ok()?.next()?;
        let kept: Value =
            serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
        Some(kept["stage"].as_str().unwrap().to_owned())
    }

    fn reports(&self) -> Vec<Value> {
        self.stub.captured().into_iter().map(|report| report.body).collect()
    }
}

/// A whole life with these flags, which is asked to stop as soon as it begins.
fn run(flags: &[String], watch: Watch) -> Outcome {
    let (stop, trigger) = Stop::manual(Duration::from_secs(10));
    trigger.stop();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { live(plan(flags), stop, watch).await }).unwrap()
}

fn plan(flags: &[String]) -> Plan {
    let args = Args::try_parse_from(["stats-post".to_owned()].iter().chain(flags)).unwrap();
    let mut problems = Problems::new("stats-post");
    let plan = args.resolve(&mut problems);
    assert!(problems.is_empty(), "{}", problems.sentence());
    plan.unwrap()
}

/// Not a test but the process that dies, when another test starts it.
#[test]
fn victim() {
    let Ok(flags) = std::env::var(FLAGS) else { return };
    let flags: Vec<String> = flags.lines().map(str::to_owned).collect();
    let trace = Mutex::new(File::options().append(true).open(variable(TRACE)).unwrap());
    let last = variable(AT);
    let watch: Watch = Arc::new(move |step, edge| {
        let at = At(step, edge).to_string();
        writeln!(trace.lock().unwrap(), "{at}").unwrap();
        if at == last {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
    });
    run(&flags, watch);
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

/// Runs a life that dies there, and asserts that it did.
fn assert_died(bed: &Bed, at: At) {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let status = victim_of(bed, &at.to_string(), trace.path());
    let seen = std::fs::read_to_string(trace.path()).unwrap();
    assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{at}: {status}");
    assert_eq!(seen.lines().last(), Some(&*at.to_string()), "{at}");
}

fn victim_of(bed: &Bed, at: &str, trace: &Path) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tests::killed::victim", "--test-threads=1"]);
    command.env(FLAGS, bed.flags().join("\n")).env(AT, at).env(TRACE, trace);
    command.output().unwrap().status
}

/// Bytes of the one report.
fn reported(bed: &Bed, at: At) -> u64 {
    let reports = bed.reports();
    assert_eq!(reports.len(), 1, "{at}: {reports:?}");
    reports[0]["sent_raw_bytes"].as_u64().unwrap()
}

#[test]
fn killed_before_and_after_every_step_the_server_holds_one_report_after_the_next_life() {
    let mut places = 0;
    for at in At::all() {
        let bed = Bed::new();
        assert_died(&bed, at);
        assert_eq!(bed.stage().as_deref(), at.leaves(), "{at}");
        assert_eq!(
            bed.reports().len(),
            usize::from(at.is_from(At(Step::Post, Edge::After))),
            "{at}"
        );
        let outcome = run(&bed.flags(), told());
        assert_eq!(outcome.exit, Exit::Done, "{at}: {}", outcome.sentence);
        assert_eq!(reported(&bed, at), 1);
        assert_eq!(bed.stage().as_deref(), Some("delivered"), "{at}");
        println!(
            "{at:<13} left {:<11} then: {}",
            at.leaves().unwrap_or("nothing"),
            outcome.sentence
        );
        places += 1;
    }
    assert_eq!(places, 2 * Step::ALL.len());
}

/// A key never names two texts: what was spooled is what is posted, and the rest is told.
#[test]
fn what_moves_after_a_report_was_spooled_is_told_and_not_posted() {
    for at in At::all() {
        let bed = Bed::new();
        assert_died(&bed, at);
        bed.move_bytes(2);
        let outcome = run(&bed.flags(), told());
        let was_spooled = at.is_from(At(Step::Spool, Edge::After));
        assert_eq!(reported(&bed, at), if was_spooled { 1 } else { 2 }, "{at}");
        let exit = if was_spooled { Exit::Partial } else { Exit::Done };
        assert_eq!(outcome.exit, exit, "{at}: {}", outcome.sentence);
        if was_spooled {
            assert!(outcome.sentence.contains("is not reported"), "{}", outcome.sentence);
            assert_eq!(outcome.facts["reported"]["sent_raw_bytes"], 1);
            assert_eq!(outcome.facts["now"]["tallies"]["sent_raw_bytes"], 2);
        }
    }
}

#[test]
fn a_sidecar_that_is_killed_at_every_step_in_turn_is_heard_once() {
    let bed = Bed::new();
    // From the mark on, the next life has nothing left to do.
    for at in At::all().filter(|at| !at.is_from(At(Step::Mark, Edge::After))) {
        assert_died(&bed, at);
    }
    let outcome = run(&bed.flags(), told());
    assert_eq!(outcome.exit, Exit::Done, "{}", outcome.sentence);
    assert_eq!(bed.reports().len(), 1);
}

#[test]
fn no_step_is_missing_from_the_list() {
    let bed = Bed::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&seen);
    run(&bed.flags(), Arc::new(move |step, edge| writer.lock().unwrap().push(At(step, edge))));
    assert_eq!(*seen.lock().unwrap(), At::all().collect::<Vec<_>>());
}
