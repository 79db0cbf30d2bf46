// SPDX-License-Identifier: Apache-2.0
//! The flags, as typed and resolved. Each has an env twin `SNAPSHOT_PRUNE_<FLAG>`.

use std::time::Duration;

use catalogue::{From, FromArgs};
use jiff::SignedDuration;
use sidecar::{Given, Logs, Problems, ProcessArgs, Program, Span};
use snapshot::{Class, Place, Policy};
use store::{ClaimsArgs, Location, Settings};

const MIN_KEEP: usize = 3;
const MAX_DELETIONS: usize = 100;
const ORPHAN_AGE: Duration = Duration::from_hours(24 * 7);
/// An upload may take so long; what is younger may be one that runs.
const LEAST_ORPHAN_AGE: Duration = Duration::from_hours(24);

/// Retention for one cluster's snapshots of one class: prints what stays and why, and with --apply
/// deletes the rest. The newest is never deleted, nor one that a restore is pinned to.
#[derive(Debug, clap::Parser)]
#[command(name = "snapshot-prune")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) from: FromArgs,

    /// The class that the rules are about; others are left alone [default: scheduled]
    #[arg(long, value_name = "CLASS", help_heading = "Rules")]
    pub(crate) class: Option<Given<Class>>,

    /// Keep the newest so many
    #[arg(long, value_name = "N", help_heading = "Rules")]
    pub(crate) keep_last: Option<Given<usize>>,

    /// Keep what is at most so much older than the newest, as 30d
    #[arg(long, value_name = "SPAN", help_heading = "Rules")]
    pub(crate) keep_within: Option<Given<Span>>,

    /// Keep the newest of each of the last so many hours that have one
    #[arg(long, value_name = "N", help_heading = "Rules")]
    pub(crate) keep_hourly: Option<Given<usize>>,

    /// The same by days (UTC)
    #[arg(long, value_name = "N", help_heading = "Rules")]
    pub(crate) keep_daily: Option<Given<usize>>,

    /// The same by ISO weeks
    #[arg(long, value_name = "N", help_heading = "Rules")]
    pub(crate) keep_weekly: Option<Given<usize>>,

    /// The same by months
    #[arg(long, value_name = "N", help_heading = "Rules")]
    pub(crate) keep_monthly: Option<Given<usize>>,

    /// However the rules are set, keep the newest so many [default: 3]
    #[arg(long, value_name = "N", help_heading = "Rules")]
    pub(crate) min_keep: Option<Given<usize>>,

    /// Delete at most so many snapshots in one run, the oldest first [default: 100]
    #[arg(long, value_name = "N", help_heading = "Rules")]
    pub(crate) max_deletions: Option<Given<usize>>,

    /// Data without a manifest, and run records, go once they are this old [default: 7d]
    #[arg(long, value_name = "SPAN", help_heading = "Rules")]
    pub(crate) orphan_age: Option<Given<Span>>,

    /// Delete; without it the plan is printed and nothing is changed
    #[arg(long)]
    pub(crate) apply: bool,

    /// Print the plan as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) claims: ClaimsArgs,

    #[command(flatten)]
    pub(crate) process: ProcessArgs,
}

/// What to do.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) from: From,
    pub(crate) place: Place,
    pub(crate) class: Class,
    pub(crate) policy: Policy,
    pub(crate) max_deletions: usize,
    pub(crate) orphan_age: Duration,
    pub(crate) claims: Option<(Location, Settings)>,
    pub(crate) apply: bool,
    pub(crate) json: bool,
}

impl Program for Args {
    type Plan = Plan;

    fn process(&self) -> &ProcessArgs {
        &self.process
    }

    fn logs(&self) -> Logs {
        Logs::QuietStderr
    }

    fn resolve(self, problems: &mut Problems) -> Option<Plan> {
        let claims = self.claims.resolve(&self.from.store, problems);
        let from = self.from.resolve_one(problems);
        let mut count = |flag, given| problems.given(flag, given);
        let policy = Policy {
            last: count("--keep-last", self.keep_last).unwrap_or(0),
            hourly: count("--keep-hourly", self.keep_hourly).unwrap_or(0),
            daily: count("--keep-daily", self.keep_daily).unwrap_or(0),
            weekly: count("--keep-weekly", self.keep_weekly).unwrap_or(0),
            monthly: count("--keep-monthly", self.keep_monthly).unwrap_or(0),
            min_keep: count("--min-keep", self.min_keep).unwrap_or(MIN_KEEP),
            within: None,
        };
        let max_deletions = count("--max-deletions", self.max_deletions).unwrap_or(MAX_DELETIONS);
        let within = problems.given("--keep-within", self.keep_within);
        let within = within.and_then(|Span(span)| SignedDuration::try_from(span).ok());
        let policy = Policy { within, ..policy };
        if policy == (Policy { min_keep: policy.min_keep, ..Policy::default() }) {
            problems.add("no rule says what to keep: give --keep-last, --keep-within or another");
        }
        let orphan_age = problems.given("--orphan-age", self.orphan_age);
        let orphan_age = orphan_age.map_or(ORPHAN_AGE, |Span(span)| span);
        if orphan_age < LEAST_ORPHAN_AGE {
            problems.add("--orphan-age: less than 24h would take the data of a run that goes on");
        }
        let class = problems.given("--class", self.class).unwrap_or_default();
        let (apply, json) = (self.apply, self.json);
        let (from, place) = from?;
        Some(Plan { from, place, class, policy, max_deletions, orphan_age, claims, apply, json })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flags_twin_looks_like_a_service_link() {
        sidecar::testing::assert_no_service_link_twins::<Args>("snapshot-prune");
    }
}
