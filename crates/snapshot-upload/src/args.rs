// SPDX-License-Identifier: Apache-2.0
//! The flags, as typed. Each has an env twin `SNAPSHOT_UPLOAD_<FLAG>`.

use std::path::PathBuf;

use etcd_rpc::ReachArgs;
use sidecar::{Given, Problems, ProcessArgs, Program, Size, Span};
use snapshot::{Class, Digest};
use store::{Location, StoreArgs};

use crate::plan::{Content, Plan};

/// Takes one snapshot of one source, verifies it, and commits it to one store. It is there whole and
/// proven, or it does not exist. All attempts of one --run-id are one snapshot.
#[derive(Debug, clap::Parser)]
#[command(name = "snapshot-upload")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) source: SourceArgs,

    /// Where to: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or file:///FOLDER
    #[arg(long, value_name = "URL", help_heading = "Snapshot")]
    pub(crate) to: Option<Given<Location>>,

    /// The namespace of the cluster whose snapshot it is
    #[arg(long, value_name = "NAME", help_heading = "Snapshot")]
    pub(crate) namespace: Option<String>,

    /// The name of that cluster
    #[arg(long, value_name = "NAME", help_heading = "Snapshot")]
    pub(crate) cluster: Option<String>,

    /// scheduled, manual or pre-upgrade: retention has a policy for each [default: scheduled]
    #[arg(long, value_name = "CLASS", help_heading = "Snapshot")]
    pub(crate) class: Option<Given<Class>>,

    /// What all attempts of one run have in common, and no other run: the Job's controller-uid
    /// [default: a run of its own]
    #[arg(long, value_name = "ID", help_heading = "Snapshot")]
    pub(crate) run_id: Option<String>,

    /// A run id that is older than this is refused: a constant one would take no further snapshot [default: 24h]
    #[arg(long, value_name = "SPAN", help_heading = "Snapshot")]
    pub(crate) run_max_age: Option<Given<Span>>,

    /// Compress the content: zstd
    #[arg(long, value_name = "METHOD", help_heading = "Snapshot")]
    pub(crate) compress: Option<Given<Method>>,

    /// Encrypt the content to the age public keys in this file, one a line
    #[arg(long, value_name = "FILE", help_heading = "Snapshot")]
    pub(crate) encrypt_to: Option<PathBuf>,

    /// Where the spool file lies, which the source is drained into [default: $TMPDIR, else /tmp]
    #[arg(long, value_name = "DIR", help_heading = "Limits")]
    pub(crate) spool_dir: Option<PathBuf>,

    /// The most that the spool may hold [default: what is free there]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    pub(crate) spool_limit: Option<Given<Size>>,

    /// Parts of the upload held in memory at once, in all [default: 64MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    pub(crate) memory: Option<Given<Size>>,

    /// A source that gives nothing for so long is given up [default: 30s]
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    pub(crate) stall_timeout: Option<Given<Span>>,

    /// The whole run is given up after this [default: none]
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    pub(crate) deadline: Option<Given<Span>>,

    #[command(flatten)]
    pub(crate) store: StoreArgs,

    #[command(flatten)]
    pub(crate) process: ProcessArgs,
}

/// What is taken a snapshot of.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum SourceArgs {
    /// An etcd cluster: one member's snapshot stream
    Etcd(EtcdArgs),
    /// A file that nobody writes any more
    File(FileArgs),
    /// What another program pipes in
    Stdin(StdinArgs),
    /// An object that another tool wrote to the same bucket: verified, then given a manifest
    Adopt(AdoptArgs),
}

/// The flags of an etcd source.
#[derive(Debug, clap::Args)]
pub(crate) struct EtcdArgs {
    #[command(flatten)]
    pub(crate) reach: ReachArgs,

    /// Ask every member for the hash of its keys at the snapshot's revision; a different one is exit 65
    #[arg(long)]
    pub(crate) compare_members: bool,
}

/// The flags of a file.
#[derive(Debug, clap::Args)]
pub(crate) struct FileArgs {
    /// The file
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,

    /// The digest that it must have, in hex
    #[arg(long, value_name = "DIGEST")]
    pub(crate) sha256: Option<Given<Digest>>,

    /// etcd, plain, or auto: what looks like an etcd snapshot must be a good one [default: auto]
    #[arg(long, value_name = "KIND")]
    pub(crate) content: Option<Given<Content>>,
}

/// The flags of a pipe.
#[derive(Debug, clap::Args)]
pub(crate) struct StdinArgs {
    /// The digest that all of it must have, in hex
    #[arg(long, value_name = "DIGEST")]
    pub(crate) sha256: Option<Given<Digest>>,

    /// The producer's exit code is written here when it ends; only 0 commits
    #[arg(long, value_name = "FILE")]
    pub(crate) producer_exit_file: Option<PathBuf>,

    /// etcd, plain, or auto: what looks like an etcd snapshot must be a good one [default: auto]
    #[arg(long, value_name = "KIND")]
    pub(crate) content: Option<Given<Content>>,
}

/// The flags of an adoption.
#[derive(Debug, clap::Args)]
pub(crate) struct AdoptArgs {
    /// The object, in the bucket of --to
    #[arg(value_name = "URL")]
    pub(crate) object: Given<Location>,

    /// The digest that it must have, in hex
    #[arg(long, value_name = "DIGEST")]
    pub(crate) sha256: Option<Given<Digest>>,

    /// etcd, plain, or auto: what looks like an etcd snapshot must be a good one [default: auto]
    #[arg(long, value_name = "KIND")]
    pub(crate) content: Option<Given<Content>>,
}

/// How content is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// RFC 8878.
    Zstd,
}

impl std::str::FromStr for Method {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "zstd" { Ok(Self::Zstd) } else { Err("the only known method is zstd") }
    }
}

impl Program for Args {
    type Plan = Plan;

    fn process(&self) -> &ProcessArgs {
        &self.process
    }

    fn resolve(self, problems: &mut Problems) -> Option<Plan> {
        Plan::resolve(self, problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flags_twin_looks_like_a_service_link() {
        sidecar::testing::assert_no_service_link_twins::<Args>("snapshot-upload");
    }
}
