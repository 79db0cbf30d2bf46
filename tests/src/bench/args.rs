// SPDX-License-Identifier: Apache-2.0
//! The flags of `bench`.

use std::path::PathBuf;

/// What the proxy costs: direct, through a bare relay (haproxy), and through ours, side by side. And
/// what a snapshot of an etcd and its restore cost: ours beside etcd's own tools with rclone, and boto3.
///
/// One TLS origin, four routes in turn, round after round; figures are medians of the ratios within
/// the rounds. Prints the table and writes its rows to target/bench.json. A missed goal is told in
/// the table and is no failure. Wants a quiet machine, about eight minutes, and 6 GiB of disk in the
/// folder for temporary files (TMPDIR).
///
/// kopia, haproxy, rclone, python (with boto3) and etcd-3.6 are taken from PILOTFISH_KOPIA and so on,
/// else from scripts/tools; etcd and versitygw, which are servers here, from the variables alone.
#[derive(Debug, clap::Parser)]
#[command(name = "bench", verbatim_doc_comment, args_conflicts_with_subcommands = true)]
pub struct Args {
    /// Also put the tables into docs/performance.md
    #[arg(long, conflicts_with = "only")]
    pub(super) write_docs: bool,

    /// How many MiB of values the etcd has whose snapshots are taken and restored; fewer are quicker, for a try
    #[arg(long, value_name = "N", default_value_t = 1024, conflicts_with = "write_docs")]
    #[arg(value_parser = clap::value_parser!(u64).range(64..=4096))]
    pub(super) etcd_mib: u64,

    /// Measure one part only
    #[arg(long, value_name = "PART")]
    pub(super) only: Option<Part>,

    #[command(subcommand)]
    pub(super) role: Option<Role>,
}

/// A part of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Part {
    /// Small requests.
    Latency,
    /// Small requests to an S3 server that does its work.
    Store,
    /// Throughput and processor time of large bodies.
    Bytes,
    /// The proxy's memory.
    Memory,
    /// Cold start to ready.
    Start,
    /// Snapshots by kopia.
    Backup,
    /// Snapshots of an etcd.
    Etcd,
    /// Restores of an etcd.
    Restore,
}

impl Part {
    /// Those that measure the proxy, in their order.
    pub(super) const OF_THE_PROXY: [Part; 6] =
        [Part::Start, Part::Memory, Part::Latency, Part::Store, Part::Bytes, Part::Backup];
}

/// What else this program is, for itself.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Role {
    /// The origin, in a process of its own
    #[command(hide = true)]
    Origin(OriginArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct OriginArgs {
    /// PEM file of its certificate
    #[arg(long)]
    pub(super) certificate: PathBuf,

    /// PEM file of its key
    #[arg(long)]
    pub(super) key: PathBuf,

    /// Where to write its port
    #[arg(long)]
    pub(super) port_file: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[test]
    fn docs_are_never_written_from_a_part_of_the_figures() {
        assert!(Args::try_parse_from(["bench", "--write-docs", "--only", "latency"]).is_err());
        assert!(Args::try_parse_from(["bench", "--write-docs"]).is_ok_and(|args| args.write_docs));
    }

    #[test]
    fn the_origin_is_no_business_of_users() {
        let help = Args::command().render_long_help().to_string();
        assert!(help.contains("--write-docs") && !help.contains("Commands:"), "{help}");
    }
}
