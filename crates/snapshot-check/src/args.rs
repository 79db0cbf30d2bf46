// SPDX-License-Identifier: Apache-2.0
//! The flags, as typed and resolved. Each has an env twin `SNAPSHOT_CHECK_<FLAG>`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use admin::{AdminArgs, AdminAt};
use catalogue::{From, FromArgs};
use encoding::Identities;
use sidecar::{Given, Logs, Problems, ProcessArgs, Program, Span};
use snapshot::{Class, Place};

const MAX_AGE: Duration = Duration::from_hours(25);
const EVERY: Duration = Duration::from_mins(10);
/// Where `serve` is probed; companions share one loopback.
pub(crate) const DEFAULT_ADMIN: &str = "localhost:9711";

/// Are the backups that should exist fresh, complete and readable? Exit 0: good. 65: bad. 69: cannot tell.
/// Objects of other tools are listed, and with --deep judged.
#[derive(Debug, clap::Parser)]
#[command(name = "snapshot-check")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) from: FromArgs,

    /// This cluster must have a snapshot; repeat it for each
    #[arg(long, value_name = "NAMESPACE/CLUSTER", value_delimiter = ',', help_heading = "Rules")]
    pub(crate) expect: Vec<Given<Place>>,

    /// The newest snapshot of the class must not be older [default: 25h]
    #[arg(long, value_name = "SPAN", help_heading = "Rules")]
    pub(crate) max_age: Option<Given<Span>>,

    /// The class whose newest must be fresh [default: scheduled]
    #[arg(long, value_name = "CLASS", help_heading = "Rules")]
    pub(crate) class: Option<Given<Class>>,

    /// Read the bytes too, of each cluster's `newest`, of `all`, or of the newest N: digests, and the
    /// content itself
    #[arg(long, value_name = "WHICH", help_heading = "Rules")]
    pub(crate) deep: Option<Given<Deep>>,

    /// File with age secret keys, for the content of encrypted snapshots
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    pub(crate) identity_file: Option<PathBuf>,

    /// Print JSON
    #[arg(long, help_heading = "Report")]
    pub(crate) json: bool,

    /// Write Prometheus text here, for a node exporter's textfile collector
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub(crate) metrics_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) admin: AdminArgs,

    #[command(flatten)]
    pub(crate) process: ProcessArgs,
}

/// What else than once.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Check again and again, and serve the result as metrics
    Serve {
        /// How often [default: 10m]
        #[arg(long, value_name = "SPAN")]
        every: Option<Given<Span>>,
    },
}

/// Whose bytes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deep {
    All,
    Newest(usize),
}

impl FromStr for Deep {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.parse()) {
            ("all", _) => Ok(Self::All),
            ("newest", _) => Ok(Self::Newest(1)),
            (_, Ok(count)) if count > 0 => Ok(Self::Newest(count)),
            _ => Err("write newest, all, or a number"),
        }
    }
}

impl Deep {
    /// How many of a list, newest first.
    pub(crate) fn count(self) -> usize {
        match self {
            Self::All => usize::MAX,
            Self::Newest(count) => count,
        }
    }
}

/// What to do.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) from: From,
    pub(crate) expect: Vec<Place>,
    pub(crate) max_age: Duration,
    pub(crate) class: Class,
    pub(crate) deep: Option<Deep>,
    pub(crate) identities: Option<Identities>,
    pub(crate) json: bool,
    pub(crate) metrics_file: Option<PathBuf>,
    /// Set: again and again.
    pub(crate) every: Option<Duration>,
    pub(crate) admin: AdminAt,
}

impl Program for Args {
    type Plan = Plan;
    const ADMIN_DEFAULT: Option<&'static str> = Some(DEFAULT_ADMIN);

    fn process(&self) -> &ProcessArgs {
        &self.process
    }

    fn logs(&self) -> Logs {
        Logs::QuietStderr
    }

    fn resolve(self, problems: &mut Problems) -> Option<Plan> {
        let from = self.from.resolve(problems);
        let expect = problems.given_all("--expect", self.expect);
        let span = |given: Option<Span>, default| given.map_or(default, |Span(span)| span);
        let max_age = span(problems.given("--max-age", self.max_age), MAX_AGE);
        let every = self
            .command
            .map(|Command::Serve { every }| span(problems.given("--every", every), EVERY));
        let class = problems.given("--class", self.class).unwrap_or_default();
        let deep = problems.given("--deep", self.deep);
        let identities = self.identity_file.and_then(|path| match Identities::read(&path) {
            Ok(identities) => Some(identities),
            Err(why) => {
                problems.add(format!("--identity-file {why}"));
                None
            }
        });
        let admin = self.admin.resolve(DEFAULT_ADMIN, problems);
        let (json, metrics_file) = (self.json, self.metrics_file);
        Some(Plan {
            from: from?,
            expect,
            max_age,
            class,
            deep,
            identities,
            json,
            metrics_file,
            every,
            admin: admin?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flags_twin_looks_like_a_service_link() {
        sidecar::testing::assert_no_service_link_twins::<Args>("snapshot-check");
    }
}
