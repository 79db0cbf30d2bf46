// SPDX-License-Identifier: Apache-2.0
//! kill -9 before and after every step: the live directory holds nothing or a complete restore, and the
//! next run goes on to one.
//!
//! The process that is killed is this very test binary, started again for its test [`victim`].

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex};

use rustix::process::{Signal, getpid, kill_process};

use crate::steps::{Edge, Step, Watch};
use crate::tests::bed::{Bed, GENERATION, run};

/// The flags of a restore, one a line; only a victim has it.
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

    /// What a run that dies here leaves of ours.
    fn leaves(self) -> Vec<String> {
        let mut names = Vec::new();
        let has_staging = self.is_from(Self(Step::Download, Edge::Before));
        if has_staging && self != Self(Step::Tidy, Edge::After) {
            names.push(format!(".pilotfish-{GENERATION}"));
        }
        if self.is_from(Self(Step::Volume, Edge::After)) {
            names.push(".pilotfish-volume".to_owned());
        }
        names
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.1, self.0)
    }
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
    run(&flags, watch).unwrap();
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

/// Runs a restore that dies there, and gives how it ended and the edges that it has seen.
fn die(bed: &Bed, at: At) -> (ExitStatus, Vec<String>) {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let status = victim_of(bed, &at.to_string(), trace.path());
    let seen = std::fs::read_to_string(trace.path()).unwrap();
    (status, seen.lines().map(str::to_owned).collect())
}

fn victim_of(bed: &Bed, at: &str, trace: &Path) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tests::killed::victim", "--test-threads=1"]);
    command.env(FLAGS, bed.flags().join("\n")).env(AT, at).env(TRACE, trace);
    command.output().unwrap().status
}

/// Asserts that it died there and nowhere else, and that what is live is nothing or all.
fn assert_died(bed: &Bed, at: At) {
    let (status, seen) = die(bed, at);
    assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{at}: {status}");
    assert_eq!(seen.last(), Some(&at.to_string()), "{at}");
    if bed.is_live() {
        bed.assert_complete(&at.to_string());
    }
}

fn line(out: &mut String, columns: [&str; 4]) {
    let [at, live, left, next] = columns;
    out.push_str(&format!("{at:<17} {live:<9} {left:<33} {next}\n"));
}

#[test]
fn killed_before_and_after_every_step_a_second_run_makes_it_complete() {
    let mut table = String::new();
    line(&mut table, ["killed", "live", "left of ours", "the next run"]);
    let mut before: Vec<String> = Vec::new();
    for at in At::all() {
        let Some(bed) = Bed::new() else { return };
        assert_died(&bed, at);
        before.push(at.to_string());
        let (is_live, ours) = (bed.is_live(), bed.ours());
        assert_eq!(is_live, at.is_from(At(Step::Swap, Edge::After)), "{at}");
        assert_eq!(ours, at.leaves(), "{at}");
        let next = next_run(&bed);
        let live = if is_live { "complete" } else { "nothing" };
        line(&mut table, [&at.to_string(), live, &ours.join(" "), next]);
    }
    assert_eq!(before.len(), 2 * Step::ALL.len(), "every step was hit, at both edges");
    println!("{table}");
}

/// A plain run after a death; it leaves a complete restore and the nonce alone.
fn next_run(bed: &Bed) -> &'static str {
    let nonce = nonce(bed);
    let outcome = bed.restore();
    bed.assert_complete("the next run");
    assert_eq!(bed.ours(), [".pilotfish-volume"]);
    assert!(nonce.is_none_or(|nonce| Some(nonce) == self::nonce(bed)), "a volume keeps its nonce");
    match outcome.facts["changed"].as_bool() {
        Some(true) => "restores",
        Some(false) => "finds it done",
        None => panic!("{}", outcome.facts),
    }
}

fn nonce(bed: &Bed) -> Option<String> {
    std::fs::read_to_string(bed.volume_file()).ok()
}

#[test]
fn a_member_that_is_killed_at_every_step_in_turn_comes_to_be_in_the_end() {
    let Some(bed) = Bed::new() else { return };
    for at in At::all().filter(|at| !at.is_from(At(Step::Swap, Edge::After))) {
        assert_died(&bed, at);
        assert!(!bed.is_live(), "{at}");
    }
    assert_eq!(next_run(&bed), "restores");
}

#[test]
fn no_step_is_missing_from_the_list() {
    let Some(bed) = Bed::new() else { return };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&seen);
    let watch: Watch = Arc::new(move |step, edge| writer.lock().unwrap().push(At(step, edge)));
    bed.run(watch).unwrap();
    assert_eq!(*seen.lock().unwrap(), At::all().collect::<Vec<_>>());
}
