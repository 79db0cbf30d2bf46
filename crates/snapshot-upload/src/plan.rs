// SPDX-License-Identifier: Apache-2.0
//! The flags, resolved.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use encoding::Recipients;
use etcd_rpc::Reach;
use sidecar::{Given, Problems, Size, Span};
use snapshot::{Class, Digest, Encoding, Place};
use store::{Location, Scheme, Settings};

use crate::args::{AdoptArgs, Args, EtcdArgs, FileArgs, Method, SourceArgs, StdinArgs};

const RUN_MAX_AGE: Duration = Duration::from_hours(24);
const STALL: Duration = Duration::from_secs(30);
const MEMORY: u64 = 64 * 1024 * 1024;

/// What to do.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) source: SourcePlan,
    pub(crate) to: Location,
    pub(crate) settings: Settings,
    pub(crate) place: Place,
    pub(crate) class: Class,
    pub(crate) run_id: Option<String>,
    pub(crate) run_max_age: Duration,
    pub(crate) encoding: Vec<Encoding>,
    pub(crate) recipients: Option<Recipients>,
    pub(crate) spool: SpoolPlan,
    pub(crate) memory: u64,
    pub(crate) deadline: Option<Duration>,
}

/// Where the spool lies and what it may hold.
#[derive(Debug, Clone)]
pub(crate) struct SpoolPlan {
    pub(crate) dir: PathBuf,
    pub(crate) limit: Option<u64>,
    pub(crate) stall: Duration,
}

/// What is taken a snapshot of.
#[derive(Debug)]
pub(crate) enum SourcePlan {
    Etcd(EtcdPlan),
    File { path: PathBuf, expected: Expected },
    Stdin { producer_exit_file: Option<PathBuf>, expected: Expected },
    Adopt { key: String, expected: Expected },
}

/// An etcd cluster and how it is reached.
#[derive(Debug)]
pub(crate) struct EtcdPlan {
    pub(crate) reach: Reach,
    pub(crate) compare_members: bool,
}

/// What content must be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) content: Content,
    pub(crate) sha256: Option<Digest>,
}

/// What kind of content it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// What looks like an etcd snapshot must be a good one.
    Auto,
    /// An etcd snapshot.
    Etcd,
    /// Anything. It is not looked at.
    Plain,
}

impl FromStr for Content {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "etcd" => Ok(Self::Etcd),
            "plain" => Ok(Self::Plain),
            _ => Err("known kinds are etcd, plain and auto"),
        }
    }
}

impl Plan {
    pub(crate) fn resolve(args: Args, problems: &mut Problems) -> Option<Self> {
        let to = problems.required("--to", args.to);
        let place = catalogue::place(args.namespace, args.cluster, problems);
        let source = source(args.source, to.as_ref(), problems);
        let recipients = args.encrypt_to.and_then(|path| recipients(&path, problems));
        let compress = problems.given("--compress", args.compress);
        let mut encoding: Vec<Encoding> =
            compress.map(|Method::Zstd| Encoding::Zstd).into_iter().collect();
        encoding.extend(recipients.is_some().then_some(Encoding::Age));
        if matches!(source, Some(SourcePlan::Adopt { .. })) && !encoding.is_empty() {
            problems.add("adopt: the object stays as it is: no --compress and no --encrypt-to");
        }
        let mut span = |flag, given, default| {
            problems.given(flag, given).map_or(default, |Span(span)| Some(span))
        };
        let run_max_age = span("--run-max-age", args.run_max_age, Some(RUN_MAX_AGE));
        let stall = span("--stall-timeout", args.stall_timeout, Some(STALL));
        let deadline = span("--deadline", args.deadline, None);
        let spool = SpoolPlan {
            dir: args.spool_dir.unwrap_or_else(std::env::temp_dir),
            limit: problems.given("--spool-limit", args.spool_limit).map(|Size(size)| size),
            stall: stall.unwrap_or(STALL),
        };
        let memory = problems.given("--memory", args.memory).map_or(MEMORY, |Size(size)| size);
        let class = problems.given("--class", args.class).unwrap_or_default();
        if args.run_id.as_deref() == Some("") {
            problems.add("--run-id is empty");
        }
        Some(Self {
            source: source?,
            to: to?,
            settings: args.store.resolve(problems),
            place: place?,
            class,
            run_id: args.run_id,
            run_max_age: run_max_age.unwrap_or(RUN_MAX_AGE),
            encoding,
            recipients,
            spool,
            memory,
            deadline,
        })
    }
}

fn recipients(path: &Path, problems: &mut Problems) -> Option<Recipients> {
    match Recipients::read(path) {
        Ok(recipients) => Some(recipients),
        Err(why) => {
            problems.add(format!("--encrypt-to {why}"));
            None
        }
    }
}

fn source(args: SourceArgs, to: Option<&Location>, problems: &mut Problems) -> Option<SourcePlan> {
    match args {
        SourceArgs::Etcd(args) => Some(SourcePlan::Etcd(etcd(args, problems))),
        SourceArgs::File(FileArgs { path, sha256, content }) => {
            let expected = expected(content, sha256, problems);
            Some(SourcePlan::File { path, expected })
        }
        SourceArgs::Stdin(args) => stdin(args, problems),
        SourceArgs::Adopt(args) => adopt(args, to, problems),
    }
}

fn expected(
    content: Option<Given<Content>>,
    sha256: Option<Given<Digest>>,
    problems: &mut Problems,
) -> Expected {
    Expected {
        content: problems.given("--content", content).unwrap_or(Content::Auto),
        sha256: problems.given("--sha256", sha256),
    }
}

/// The end of a pipe says nothing: a producer that was killed closes it like one that is done.
fn stdin(args: StdinArgs, problems: &mut Problems) -> Option<SourcePlan> {
    let expected = expected(args.content, args.sha256, problems);
    let producer_exit_file = args.producer_exit_file;
    let proves = expected.sha256.is_some() || expected.content == Content::Etcd;
    if !proves && producer_exit_file.is_none() {
        problems.add(
            "stdin: a pipe ends alike when its producer is done and when it was killed: \
             give --producer-exit-file, or --sha256, or --content etcd",
        );
    }
    Some(SourcePlan::Stdin { producer_exit_file, expected })
}

fn adopt(args: AdoptArgs, to: Option<&Location>, problems: &mut Problems) -> Option<SourcePlan> {
    let expected = expected(args.content, args.sha256, problems);
    let object = problems.given("adopt", Some(args.object))?;
    let to = to?;
    let same_root = object.scheme == to.scheme && object.bucket == to.bucket;
    let key = match object.scheme {
        // A folder has no root but itself.
        Scheme::File => object.prefix.strip_prefix(&format!("{}/", to.prefix)).map(str::to_owned),
        _ => same_root.then(|| object.prefix.clone()),
    };
    match key.filter(|key| !key.is_empty()) {
        Some(key) => Some(SourcePlan::Adopt { key: format!("/{key}"), expected }),
        None => {
            problems.add("adopt: the object must lie in the bucket, or below the folder, of --to");
            None
        }
    }
}

fn etcd(args: EtcdArgs, problems: &mut Problems) -> EtcdPlan {
    EtcdPlan { reach: args.reach.resolve(problems), compare_members: args.compare_members }
}
