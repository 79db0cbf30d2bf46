// SPDX-License-Identifier: Apache-2.0
//! The flags that only `prove` has, and what it is to do.

use std::path::PathBuf;
use std::time::Duration;

use crate::resolve::{ClaimsAt, Subject, Wanted};
use sidecar::{Given, Problems, Span};

/// The index of a large database is built in memory before etcd serves.
const READY: Duration = Duration::from_secs(300);

/// The flags that only `prove` has.
#[derive(Debug, clap::Args)]
pub(crate) struct ProveArgs {
    /// The etcd to boot [default: the one beside the tool]
    #[arg(long, value_name = "PATH")]
    etcd: Option<PathBuf>,

    /// An etcd that is not ready after this is given up [default: 5m]
    #[arg(long, value_name = "SPAN")]
    ready_timeout: Option<Given<Span>>,

    /// Where the graded report goes, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Where its figures go, as Prometheus text
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,

    /// Prove another one too: the kept snapshot whose last proof is the oldest or missing (with --claims)
    #[arg(long)]
    one_more: bool,
}

/// What to do.
#[derive(Debug)]
pub(crate) struct ProvePlan {
    pub(crate) wanted: Wanted,
    /// An empty folder.
    pub(crate) data_dir: PathBuf,
    /// The image's restoring tool.
    pub(crate) tool: Option<PathBuf>,
    /// The image's etcd, if it is not beside the tool.
    pub(crate) etcd: Option<PathBuf>,
    pub(crate) ready_within: Duration,
    /// Of one proof.
    pub(crate) deadline: Option<Duration>,
    pub(crate) report: Option<PathBuf>,
    pub(crate) metrics_file: Option<PathBuf>,
    /// Where proofs are recorded; none where no further one is asked for.
    pub(crate) history: Option<ClaimsAt>,
}

/// What the flags of all subcommands gave.
pub(crate) struct Common {
    pub(crate) wanted: Option<Wanted>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) tool: Option<PathBuf>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) claims: Option<ClaimsAt>,
}

impl ProveArgs {
    /// Judges the flags.
    pub(crate) fn resolve(self, common: Common, problems: &mut Problems) -> Option<ProvePlan> {
        let ready = problems.given("--ready-timeout", self.ready_timeout);
        let history = common.claims.filter(|_| self.one_more);
        if self.one_more && history.is_none() {
            problems.add(
                "--one-more needs --claims, --target-namespace and --target-cluster: proofs are recorded there",
            );
        }
        if common.data_dir.is_none() {
            problems.add("--data-dir is required: an empty folder for the proof alone");
        }
        if self.one_more
            && common.wanted.as_ref().is_some_and(|it| matches!(it.subject, Subject::Object))
        {
            problems.add(
                "--one-more needs --namespace and --cluster: one object has no others beside it",
            );
        }
        Some(ProvePlan {
            wanted: common.wanted?,
            data_dir: common.data_dir?,
            etcd: self.etcd,
            tool: common.tool,
            ready_within: ready.map_or(READY, |Span(span)| span),
            deadline: common.deadline,
            report: self.report,
            metrics_file: self.metrics_file,
            history,
        })
    }
}
