// SPDX-License-Identifier: Apache-2.0
//! A restore to be, for tests that watch its steps from inside.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser as _;
use etcd_image::TrailerMode;
use sidecar::{Outcome, Problems, Program as _, Stop};
use stock::{Folder, Sample};

use crate::args::Args;
use crate::marker::Marker;
use crate::resolve::Task;
use crate::restore::watched;
use crate::steps::{Watch, told};
use crate::verify::describe;

/// The generation of every restore here.
pub(crate) const GENERATION: &str = "g1";
/// A process that another test starts has a copy of a lock that was held here, until it becomes its program.
const HELD: &str = "another restore is at work";

/// A snapshot in a folder, claims in another, and a volume.
pub(crate) struct Bed {
    pub(crate) sample: Sample,
    snapshots: Folder,
    claims: PathBuf,
    data_dir: PathBuf,
    tool: PathBuf,
    _files: tempfile::TempDir,
}

impl Bed {
    /// None where there is no etcdutl, and a line says so.
    pub(crate) fn new() -> Option<Self> {
        let tool = testbed::tool("etcd-3.6")?.with_file_name("etcdutl");
        let files = tempfile::tempdir().unwrap();
        let (claims, data_dir) = (files.path().join("claims"), files.path().join("data"));
        std::fs::create_dir(&claims).unwrap();
        let sample = Sample::etcd("ns/etcd", 1);
        let snapshots = Folder::with(&[&sample]);
        Some(Self { sample, snapshots, claims, data_dir, tool, _files: files })
    }

    /// The same with its volume elsewhere.
    pub(crate) fn on(self, volume: &Path) -> Self {
        Self { data_dir: volume.join("data"), ..self }
    }

    /// The same with its claims elsewhere.
    pub(crate) fn claiming(self, claims: &Path) -> Self {
        Self { claims: claims.to_owned(), ..self }
    }

    /// What the pod would say.
    pub(crate) fn flags(&self) -> Vec<String> {
        let (from, claims) = (self.snapshots.url(), format!("file://{}", self.claims.display()));
        let (data_dir, tool) = (self.data_dir.display(), self.tool.display());
        [
            format!("--from={from}"),
            format!("--claims={claims}"),
            format!("--data-dir={data_dir}"),
            format!("--tool={tool}"),
            format!("--generation={GENERATION}"),
            "--namespace=ns".to_owned(),
            "--cluster=etcd".to_owned(),
            "--target-namespace=ns".to_owned(),
            "--target-cluster=copy".to_owned(),
            "--name=m0".to_owned(),
            "--initial-cluster=m0=http://127.0.0.1:2380".to_owned(),
        ]
        .into()
    }

    /// A whole run, with somebody who is told of each step.
    pub(crate) fn run(&self, watch: Watch) -> anyhow::Result<Outcome> {
        run(&self.flags(), watch)
    }

    /// A plain run, which must end well.
    pub(crate) fn restore(&self) -> Outcome {
        let mut ended = None;
        let is_free = || {
            let run = self.run(told());
            let is_held = run.as_ref().is_err_and(|error| error.to_string().contains(HELD));
            ended = Some(run);
            !is_held
        };
        testbed::wait_until(Duration::from_secs(10), "the volume's lock is free", is_free).unwrap();
        ended.unwrap().unwrap()
    }

    /// Whether a member is there.
    pub(crate) fn is_live(&self) -> bool {
        self.data_dir.join("member").exists()
    }

    /// Where the volume's nonce is.
    pub(crate) fn volume_file(&self) -> PathBuf {
        self.data_dir.join(".pilotfish-volume")
    }

    /// What of ours lies on the volume.
    pub(crate) fn ours(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.data_dir) else { return vec![] };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != "member").collect();
        names.sort();
        names
    }

    /// Asserts that the member is a restore with nothing missing.
    pub(crate) fn assert_complete(&self, when: &str) {
        let marker = Marker::read(&self.data_dir).unwrap().expect(when);
        assert_eq!(marker.generation, GENERATION, "{when}");
        let db = self.data_dir.join("member/snap/db");
        let facts = block_on(describe(db, TrailerMode::Absent)).expect(when);
        assert_eq!(facts.revision, marker.revision, "{when}");
        let live_keys = self.sample.manifest().facts.etcd.unwrap().live_keys;
        assert_eq!(marker.live_keys, live_keys, "{when}");
        let wal = self.data_dir.join("member/wal/0000000000000000-0000000000000000.wal");
        assert!(wal.is_file(), "{when}: no WAL");
    }
}

/// A whole run with these flags.
pub(crate) fn run(flags: &[String], watch: Watch) -> anyhow::Result<Outcome> {
    let (stop, _trigger) = Stop::manual(Duration::from_secs(1));
    match task(flags) {
        Task::Restore(job) => block_on(watched(*job, stop, watch)),
        Task::Settled(settled) => Ok(settled.outcome()),
        task => panic!("{task:?}"),
    }
}

fn task(flags: &[String]) -> Task {
    let words = ["restore-localize", "etcd"].into_iter().map(str::to_owned);
    let args = Args::try_parse_from(words.chain(flags.iter().cloned())).unwrap();
    let mut problems = Problems::new("restore-localize");
    let task = args.resolve(&mut problems);
    task.unwrap_or_else(|| panic!("{}", problems.sentence()))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
