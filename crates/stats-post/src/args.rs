// SPDX-License-Identifier: Apache-2.0
//! The flags, as typed. Each has an env twin `STATS_POST_<FLAG>`.

use std::path::PathBuf;

use admin::AdminArgs;
use canopy::ClientArgs;
use sidecar::{Given, Problems, ProcessArgs, Program, Span};

use crate::about::Word;
use crate::form::{Form, ProgressForm};
use crate::resolve::{self, Plan};

/// Where it is probed; companions share one loopback.
pub(crate) const DEFAULT_ADMIN: &str = "localhost:9731";

/// Posts what a pod's companions move: progress while they run, and the final tallies once, at the end.
/// Declare it before the proxy as a native sidecar: it then ends last. Exit 2: the report was not delivered.
#[derive(Debug, clap::Parser)]
#[command(name = "stats-post")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) neighbours: NeighbourArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,

    #[command(flatten)]
    pub(crate) report: ReportArgs,

    #[command(flatten)]
    pub(crate) progress: ProgressArgs,

    #[command(flatten)]
    pub(crate) client: ClientArgs,

    #[command(flatten)]
    pub(crate) admin: AdminArgs,

    #[command(flatten)]
    pub(crate) process: ProcessArgs,
}

/// Whom it listens to.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Neighbours")]
pub(crate) struct NeighbourArgs {
    /// The shared folder with the neighbours' *.json files: tallies (--stats-file of a proxy; several are
    /// added up) and outcomes (--outcome-file of our executors)
    #[arg(long, value_name = "DIR")]
    pub(crate) watch: Option<PathBuf>,

    /// The outcome file of the neighbour whose end is the run's: backup-report and restore-verification say
    /// how it ended
    #[arg(long, value_name = "FILE")]
    pub(crate) outcome_of: Option<PathBuf>,

    /// End once the file of --outcome-of is there, without a signal, for runs outside Kubernetes
    #[arg(long, requires = "outcome_of")]
    pub(crate) until_outcome: bool,
}

/// Which run it is.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct RunArgs {
    /// The run, by which servers know a report again [default: $PGRO_RUN_ID]
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<Given<Word>>,

    /// Tells attempts of one run apart, as metadata.uid of the pod: without it, the report of a Job's second
    /// pod is a duplicate of its first one's. backup-report and restore-verification are told apart by the run
    /// id alone: give each attempt one of its own there, or the second one's report is refused (exit 2)
    #[arg(long, value_name = "ID")]
    pub(crate) attempt: Option<Given<Word>>,

    /// The backup type [default: $PGRO_TYPE]
    #[arg(long = "type", id = "type", value_name = "TYPE")]
    pub(crate) type_: Option<Given<Word>>,

    /// The group [default: $PGRO_GROUP]
    #[arg(long, value_name = "ID")]
    pub(crate) group: Option<Given<Word>>,

    /// The namespace, for reports and for the restore operator's paths
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<Given<Word>>,

    /// The Job, likewise
    #[arg(long, value_name = "NAME")]
    pub(crate) job: Option<Given<Word>>,

    /// `backup` or `restore`, for backup-report and backup-progress [default: backup for backup-report, else restore]
    #[arg(long, value_name = "PURPOSE")]
    pub(crate) purpose: Option<String>,

    /// The server that the backup is of, for restore-verification
    #[arg(long, value_name = "ID")]
    pub(crate) server_id: Option<Given<Word>>,

    /// What the restore is for, for restore-verification
    #[arg(long, value_name = "INTENT")]
    pub(crate) intent: Option<Given<Word>>,

    /// The declaration that asked for the restore, for restore-verification
    #[arg(long, value_name = "ID")]
    pub(crate) replica_id: Option<Given<Word>>,
}

/// Where the final report goes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Report")]
pub(crate) struct ReportArgs {
    /// Where reports go: for canopy-stats and canopy-progress the operator's base or the full address; for
    /// backup-report and restore-verification the control plane [default: $PGRO_STATS_CALLBACK_URL]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,

    /// canopy-stats, canopy-progress, json, or, with --outcome-of, backup-report, restore-verification
    /// [default: canopy-stats]
    #[arg(long, value_name = "FORM")]
    pub(crate) form: Option<Given<Form>>,

    /// Keep the report here until it is delivered: a restarted sidecar finds it
    #[arg(long, value_name = "DIR")]
    pub(crate) spool_dir: Option<PathBuf>,

    /// `KEY: VALUE` lines that go with each post, read again for each
    #[arg(long, value_name = "FILE")]
    pub(crate) headers_file: Option<PathBuf>,

    /// A token that goes with each post, read again for each
    #[arg(long, value_name = "FILE")]
    pub(crate) bearer_token_file: Option<PathBuf>,

    /// Trust the certificates in this PEM file too
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_bundle: Option<PathBuf>,
}

/// Where progress goes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Progress")]
pub(crate) struct ProgressArgs {
    /// Where progress goes, as a base or the full address; nowhere if not set
    /// [default: $PGRO_PROGRESS_CALLBACK_URL]
    #[arg(long, value_name = "URL")]
    pub(crate) progress_url: Option<String>,

    /// canopy-progress, json, or backup-progress, which goes to the control plane and needs no URL
    /// [default: json with --form json, else canopy-progress]
    #[arg(long, value_name = "FORM")]
    pub(crate) progress_form: Option<Given<ProgressForm>>,

    /// How often [default: 30s]
    #[arg(long, value_name = "SPAN")]
    pub(crate) every: Option<Given<Span>>,
}

impl Program for Args {
    type Plan = Plan;
    const ADMIN_DEFAULT: Option<&'static str> = Some(DEFAULT_ADMIN);

    fn process(&self) -> &ProcessArgs {
        &self.process
    }

    fn resolve(self, problems: &mut Problems) -> Option<Plan> {
        resolve::plan(self, problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flags_twin_looks_like_a_service_link() {
        sidecar::testing::assert_no_service_link_twins::<Args>("stats-post");
    }
}
