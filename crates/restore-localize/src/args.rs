// SPDX-License-Identifier: Apache-2.0
//! The flags, as typed. Each has an env twin `RESTORE_LOCALIZE_<FLAG>`; what etcd itself is told by a
//! variable `ETCD_…` is taken from there.

use std::path::PathBuf;

use catalogue::{FromArgs, Which};
use jiff::Timestamp;
use sidecar::{Given, Logs, Problems, ProcessArgs, Program, Span};
use snapshot::Class;
use store::ClaimsArgs;

use crate::confirm::plan::ConfirmArgs;
use crate::prove::plan::ProveArgs;
use crate::resolve::{self, Task};

/// Makes a pod's data from a snapshot before the pod's own program starts: fetched, verified, made right for
/// this member, swapped in atomically. A second run changes nothing.
#[derive(Debug, clap::Parser)]
#[command(name = "restore-localize")]
pub(crate) struct Args {
    #[command(subcommand)]
    kind: Kind,

    #[command(flatten)]
    process: ProcessArgs,
}

/// What is restored.
#[derive(Debug, clap::Subcommand)]
enum Kind {
    /// A member of an etcd cluster, as an init container of the etcd image: its own tool makes the member
    ///
    /// Restores this member of --generation, or passes: where no generation is set, where this one is there
    /// already, and where this member is none of those that it restores. Without --namespace and --cluster,
    /// --from is one object or file of another tool.
    Etcd(Box<EtcdArgs>),
}

/// The flags of an etcd member, the same for every command.
#[derive(Debug, clap::Args)]
pub(crate) struct EtcdArgs {
    #[command(subcommand)]
    pub(crate) action: Option<Action>,

    #[command(flatten)]
    pub(crate) from: FromArgs,

    /// `latest`, or an id as `snapshot-read list` prints it [default: latest]
    #[arg(long, value_name = "ID", help_heading = "Snapshots")]
    pub(crate) snapshot: Option<Given<Which>>,

    /// Only one that was taken before this time, as 2026-11-21T03:00:00Z
    #[arg(long, value_name = "TIME", help_heading = "Snapshots")]
    pub(crate) before: Option<Given<Timestamp>>,

    /// Only one of this class: scheduled, manual, pre-upgrade
    #[arg(long, value_name = "CLASS", help_heading = "Snapshots")]
    pub(crate) class: Option<Given<Class>>,

    /// File with age secret keys, one a line, for an encrypted snapshot
    #[arg(long, value_name = "FILE", help_heading = "Snapshots")]
    pub(crate) identity_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) member: MemberArgs,

    #[command(flatten)]
    pub(crate) generation: GenerationArgs,

    #[command(flatten)]
    pub(crate) claims: ClaimsArgs,

    /// The whole run is given up after this [default: none]
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    pub(crate) deadline: Option<Given<Span>>,
}

/// Who this member is. etcd's own variables say the same.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Member")]
pub(crate) struct MemberArgs {
    /// etcd's data directory [or ETCD_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// This member's name [or ETCD_NAME]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// All members, as NAME=PEER-URL,… [or ETCD_INITIAL_CLUSTER]
    #[arg(long, value_name = "LIST")]
    pub(crate) initial_cluster: Option<String>,

    /// Where others reach this member [or ETCD_INITIAL_ADVERTISE_PEER_URLS; default: what the list says]
    #[arg(long, value_name = "URLS")]
    pub(crate) initial_advertise_peer_urls: Option<String>,

    /// Authorities to trust when peers are asked over TLS, PEM [or ETCD_PEER_TRUSTED_CA_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) peer_cacert: Option<PathBuf>,

    /// Certificate to show to peers, PEM [or ETCD_PEER_CERT_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) peer_cert: Option<PathBuf>,

    /// Its key, PEM [or ETCD_PEER_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) peer_key: Option<PathBuf>,

    /// etcd's own tool: etcdutl, or etcdctl of 3.4 [default: from PATH, or /usr/local/bin]
    #[arg(long, value_name = "PATH")]
    pub(crate) tool: Option<PathBuf>,
}

/// Which restore it is.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Generation")]
pub(crate) struct GenerationArgs {
    /// A name for this restore, new for each: a member is restored once in a generation; unset: not at all
    #[arg(long, value_name = "NAME")]
    pub(crate) generation: Option<String>,

    /// The namespace of the cluster that is made (with --claims)
    #[arg(long, value_name = "NAME")]
    pub(crate) target_namespace: Option<String>,

    /// The name of the cluster that is made (with --claims)
    #[arg(long, value_name = "NAME")]
    pub(crate) target_cluster: Option<String>,

    /// Restore the first member of the list alone; an operator adds the others by MemberAdd
    #[arg(long)]
    pub(crate) genesis_only: bool,

    /// Raise all revisions by so much and mark them as compacted, so that watchers of before notice
    /// [default: 1000000000]
    #[arg(long, value_name = "N")]
    pub(crate) bump_revision: Option<Given<u64>>,

    /// Keep the snapshot's revisions: watchers of before hear nothing until they are passed
    #[arg(long)]
    pub(crate) keep_revision: bool,
}

/// What else can be done.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Action {
    /// Tells what a restore would do, and touches nothing
    Plan(PlanArgs),
    /// Lets a member whose volume was lost after the restore join empty, once MemberRemove and MemberAdd are done
    Rejoin,
    /// Is the restored cluster up, and is it the one that was restored? Only then is a restore completed
    Confirm(ConfirmArgs),
    /// Does a snapshot come back? It is restored into an empty folder, booted by the image's etcd, and compared
    Prove(ProveArgs),
}

/// The flags of a plan.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Also judge these objects: `kubectl get statefulset,service -o json`
    #[arg(long, value_name = "FILE")]
    pub(crate) objects: Option<PathBuf>,
}

impl Program for Args {
    type Plan = Task;

    fn process(&self) -> &ProcessArgs {
        &self.process
    }

    fn logs(&self) -> Logs {
        let Kind::Etcd(args) = &self.kind;
        match args.action {
            Some(Action::Plan(_)) => Logs::QuietStderr,
            _ => Logs::Stdout,
        }
    }

    fn resolve(self, problems: &mut Problems) -> Option<Task> {
        let is_check = self.process.check;
        let Kind::Etcd(args) = self.kind;
        resolve::etcd(*args, is_check, problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flags_twin_looks_like_a_service_link() {
        sidecar::testing::assert_no_service_link_twins::<Args>("restore-localize");
    }
}
