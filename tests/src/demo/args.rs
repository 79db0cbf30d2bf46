// SPDX-License-Identifier: Apache-2.0
//! The flags of `demo`.

use std::time::Duration;

use anyhow::anyhow;
use sidecar::{Exit, Failure, Span};

const STORY_MIB: u64 = 1024;
const SOAK_MIB: u64 = 256;
/// An outage in the middle needs room on both sides.
const SHORTEST_SOAK: Duration = Duration::from_secs(30);

/// Kopia backs up and restores through s3-resign-proxy while its credentials die under it.
///
/// No cloud, no flags: an S3 store over TLS whose credentials live for 4 seconds and come from a
/// control plane through credential-broker, the proxy, and real kopia, which snapshots a generated
/// tree through the proxy, verifies it, restores it and compares it byte for byte; then the same
/// snapshot without the proxy, for its wall time. stats-post tells the control plane what moved.
/// Then a real etcd: three snapshots through the proxy, listed, checked to the last byte, pruned to
/// one, which is fetched and judged by etcdutl. Ends with a table, and exits with 1 if a goal is
/// missed: at least 10 access keys that the store counted on successful requests, no failed request,
/// an identical tree, etcdutl and manifest agreed. The rows are also in target/demo.json.
///
/// With --soak the credentials live for 3 seconds, and kopia works for as long as you say: it
/// changes the tree, snapshots and verifies, round after round, and restores at the end. Every third
/// set is revoked by the store a second early, unannounced, and in the middle the issuer is down for
/// two lifetimes. Goals: no kopia command fails, the store answered ExpiredToken at least once, an
/// identical tree. A line every 10 seconds; the rows are in target/soak.json.
///
/// Needs free disk of three times the tree in the folder for temporary files (TMPDIR), with --soak
/// about 3 GiB for ten minutes. Ctrl-C stops everything and leaves nothing behind. kopia is taken
/// from PILOTFISH_KOPIA, else from scripts/tools; etcd from PILOTFISH_ETCD_3_6.
#[derive(Debug, clap::Parser)]
#[command(name = "demo", verbatim_doc_comment)]
pub struct Args {
    /// Play the long story for this long, as 10m; at least 30s
    #[arg(long, value_name = "SPAN")]
    soak: Option<Span>,

    /// The size of the tree in MiB [default: 1024, with --soak 256]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=65_536))]
    tree_mib: Option<u64>,
}

/// What the flags ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// The short story.
    Story { tree_mib: u64 },
    /// The long one.
    Soak { span: Duration, tree_mib: u64 },
}

impl Args {
    pub(super) fn plan(&self) -> anyhow::Result<Plan> {
        match self.soak {
            None => Ok(Plan::Story { tree_mib: self.tree_mib.unwrap_or(STORY_MIB) }),
            Some(Span(span)) if span < SHORTEST_SOAK => {
                let error = anyhow!("--soak {span:?}: an outage does not fit, give at least 30s");
                Err(Failure::new(Exit::Usage, error))
            }
            Some(Span(span)) => {
                Ok(Plan::Soak { span, tree_mib: self.tree_mib.unwrap_or(SOAK_MIB) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn plan(flags: &[&str]) -> anyhow::Result<Plan> {
        Args::try_parse_from([&["demo"], flags].concat())?.plan()
    }

    #[test]
    fn without_flags_the_short_story_is_played_with_a_gibibyte() {
        assert_eq!(plan(&[]).unwrap(), Plan::Story { tree_mib: 1024 });
    }

    #[test]
    fn a_soak_too_short_for_its_outage_is_a_usage_error() {
        let error = plan(&["--soak", "10s"]).unwrap_err();
        assert_eq!(Failure::exit_of(&error), Exit::Usage);
        let span = Duration::from_secs(600);
        assert_eq!(plan(&["--soak", "10m"]).unwrap(), Plan::Soak { span, tree_mib: 256 });
    }
}
