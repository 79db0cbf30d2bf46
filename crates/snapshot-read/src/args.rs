// SPDX-License-Identifier: Apache-2.0
//! The flags, as typed and resolved. Each has an env twin `SNAPSHOT_READ_<FLAG>`.

use std::path::PathBuf;

use catalogue::{Ask, From, FromArgs, Which};
use encoding::Identities;
use jiff::Timestamp;
use sidecar::{Given, Logs, Problems, ProcessArgs, Program};
use snapshot::{Class, Place};
use store::{Location, Settings, StoreArgs};

/// Reads snapshots: what there is, one of them verified, or all facts of a file or an object.
#[derive(Debug, clap::Parser)]
#[command(name = "snapshot-read")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) process: ProcessArgs,
}

/// What to read.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Prints a line a snapshot, newest first
    List(ListArgs),
    /// Fetches one snapshot's content into a file: verified, decrypted, decompressed; whole or not there
    Get(GetArgs),
    /// Tells all facts of a file, or of an object given by its URL
    Inspect(InspectArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    from: FromArgs,

    /// Only those of this class
    #[arg(long, value_name = "CLASS")]
    class: Option<Given<Class>>,

    /// Print the manifests as JSON, one a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// An id as `list` prints it, or `latest`
    #[arg(value_name = "ID")]
    id: Given<Which>,

    /// The file to make; one that is there already is not touched
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    from: FromArgs,

    /// With `latest`: only those of this class
    #[arg(long, value_name = "CLASS")]
    class: Option<Given<Class>>,

    /// With `latest`: only those taken before this time, as 2026-11-21T03:00:00Z
    #[arg(long, value_name = "TIME")]
    before: Option<Given<Timestamp>>,

    /// File with age secret keys, one a line, for an encrypted snapshot
    #[arg(long, value_name = "FILE")]
    identity_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    /// A file, or the URL of an object or of a manifest
    #[arg(value_name = "FILE|URL")]
    what: String,

    #[command(flatten)]
    store: StoreArgs,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// File with age secret keys, one a line, for an encrypted snapshot
    #[arg(long, value_name = "FILE")]
    identity_file: Option<PathBuf>,
}

/// What to do.
pub(crate) enum Plan {
    List(ListPlan),
    Get(GetPlan),
    Inspect(InspectPlan),
}

pub(crate) struct ListPlan {
    pub(crate) from: From,
    pub(crate) class: Option<Class>,
    pub(crate) json: bool,
}

pub(crate) struct GetPlan {
    pub(crate) from: From,
    pub(crate) place: Place,
    pub(crate) ask: Ask,
    pub(crate) file: PathBuf,
    pub(crate) identities: Option<Identities>,
}

pub(crate) struct InspectPlan {
    pub(crate) what: What,
    pub(crate) json: bool,
    pub(crate) identities: Option<Identities>,
}

/// What is inspected.
pub(crate) enum What {
    File(PathBuf),
    Object(Box<(Location, Settings)>),
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
        match self.command {
            Command::List(args) => {
                let class = problems.given("--class", args.class);
                let from = args.from.resolve(problems)?;
                Some(Plan::List(ListPlan { from, class, json: args.json }))
            }
            Command::Get(args) => get(args, problems).map(Plan::Get),
            Command::Inspect(args) => inspect(args, problems).map(Plan::Inspect),
        }
    }
}

fn get(args: GetArgs, problems: &mut Problems) -> Option<GetPlan> {
    let from = args.from.resolve_one(problems);
    let which = problems.given("ID", Some(args.id));
    let class = problems.given("--class", args.class);
    let before = problems.given("--before", args.before);
    if matches!(which, Some(Which::Id(_))) && (class.is_some() || before.is_some()) {
        problems.add("--class and --before choose among many: they go with `latest`");
    }
    if args.file.exists() {
        problems.add(format!("{} is there already and is not touched", args.file.display()));
    }
    let identities = identities(args.identity_file, problems);
    let (from, place) = from?;
    let ask = Ask { which: which?, class, before };
    Some(GetPlan { from, place, ask, file: args.file, identities })
}

fn inspect(args: InspectArgs, problems: &mut Problems) -> Option<InspectPlan> {
    let settings = args.store.resolve(problems);
    let what = match args.what.parse::<Location>() {
        Ok(location) => What::Object(Box::new((location, settings))),
        Err(why) if args.what.contains("://") => {
            problems.add(format!("{}: {why}", args.what));
            return None;
        }
        Err(_) => What::File(args.what.into()),
    };
    Some(InspectPlan {
        what,
        json: args.json,
        identities: identities(args.identity_file, problems),
    })
}

fn identities(file: Option<PathBuf>, problems: &mut Problems) -> Option<Identities> {
    match Identities::read(&file?) {
        Ok(identities) => Some(identities),
        Err(why) => {
            problems.add(format!("--identity-file {why}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flags_twin_looks_like_a_service_link() {
        sidecar::testing::assert_no_service_link_twins::<Args>("snapshot-read");
    }
}
