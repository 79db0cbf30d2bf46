// SPDX-License-Identifier: Apache-2.0
//! The flags that only `confirm` has, and what it is to do.

use std::path::PathBuf;
use std::time::Duration;

use etcd_rpc::{Reach, ReachArgs};
use sidecar::{Given, Problems, Span};

use crate::resolve::{ClaimsAt, Wanted};

/// Pods are scheduled, volumes bound and images pulled meanwhile.
const WAIT: Duration = Duration::from_secs(600);

/// The flags that only `confirm` has.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfirmArgs {
    #[command(flatten)]
    reach: ReachArgs,

    /// A cluster that is not whole after this is given up [default: 10m]
    #[arg(long, value_name = "SPAN")]
    wait: Option<Given<Span>>,
}

/// What to do.
#[derive(Debug)]
pub(crate) struct ConfirmPlan {
    pub(crate) reach: Reach,
    pub(crate) wait: Duration,
    pub(crate) told: ToldBy,
}

/// Where it is told what was restored. The marker of a volume at hand is asked first.
#[derive(Debug)]
pub(crate) struct ToldBy {
    /// A member's data directory.
    pub(crate) data_dir: Option<PathBuf>,
    /// Only that of this generation.
    pub(crate) generation: Option<String>,
    /// The pin of that generation, and the manifest that it names.
    pub(crate) pin: Option<(ClaimsAt, Wanted)>,
}

impl ConfirmArgs {
    /// Judges the flags.
    pub(crate) fn resolve(self, told: ToldBy, problems: &mut Problems) -> ConfirmPlan {
        let wait = problems.given("--wait", self.wait).map_or(WAIT, |Span(span)| span);
        let reach = self.reach.resolve(problems);
        if told.data_dir.is_none() && told.pin.is_none() {
            problems.add(
                "confirm: what was restored must be told: by --data-dir of a restored member, or by \
                 --claims, --generation and --from",
            );
        }
        ConfirmPlan { reach, wait, told }
    }
}
