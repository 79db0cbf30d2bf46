// SPDX-License-Identifier: Apache-2.0
//! Our snapshot programs, as a Job beside the proxy runs them: with the caller's variables alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;
use testbed::Spawn;

use super::command;
use super::places;
use crate::interrupt::Interrupt;

/// A member of etcd whose data directory is gone.
pub(super) struct Lost {
    pub(super) name: String,
    pub(super) initial_cluster: String,
    pub(super) data_dir: PathBuf,
    /// Its etcdutl.
    pub(super) tool: PathBuf,
}

/// What the one restore is called.
const GENERATION: &str = "demo";
/// Whose snapshots they are.
const NAMESPACE: &str = "demo";
const CLUSTER: &str = "etcd";

/// The snapshots of one cluster, in one bucket.
pub(super) struct Snapshots {
    /// What the proxy wrote for its caller.
    pub(super) caller: BTreeMap<String, String>,
    pub(super) bucket: &'static str,
    /// For spool files and last words.
    pub(super) folder: PathBuf,
    pub(super) interrupt: Interrupt,
}

impl Snapshots {
    /// Takes one of an etcd; gives the program's own sentence.
    pub(super) fn upload(&self, endpoint: &str) -> anyhow::Result<String> {
        let name = "snapshot-upload";
        let command = self.whose(name, &["etcd", "--endpoint", endpoint])?;
        let command = command.args(["--to", &self.url(), "--spool-dir"]).arg(&self.folder);
        self.last_word(name, command)
    }

    /// The table of what there is.
    pub(super) fn list(&self) -> anyhow::Result<String> {
        self.printed("snapshot-read", &["list"])
    }

    /// All manifests, the newest first.
    pub(super) fn manifests(&self) -> anyhow::Result<Vec<Value>> {
        let lines = self.printed("snapshot-read", &["list", "--json"])?;
        let parsed = lines.lines().map(|line| serde_json::from_str(line).context("a manifest"));
        parsed.collect()
    }

    /// Reads and judges every byte of all.
    pub(super) fn check(&self) -> anyhow::Result<String> {
        let wanted = format!("{NAMESPACE}/{CLUSTER}");
        self.printed("snapshot-check", &["--deep", "all", "--expect", &wanted])
    }

    /// Deletes all but the newest; gives the plan.
    pub(super) fn prune(&self) -> anyhow::Result<String> {
        self.printed("snapshot-prune", &["--keep-last", "1", "--min-keep", "1", "--apply"])
    }

    /// Fetches the newest into a new file; gives the program's own sentence.
    pub(super) fn get_latest(&self, file: &Path) -> anyhow::Result<String> {
        let name = "snapshot-read";
        let command = self.whose(name, &["get", "latest"])?.arg(file);
        self.last_word(name, command.args(["--from", &self.url()]))
    }

    /// What a restore of the newest into this member would do.
    pub(super) fn plan(&self, member: &Lost) -> anyhow::Result<String> {
        let name = "restore-localize";
        let command = self.of(name, &["etcd", "plan"], member)?;
        command::run(name, command, &self.interrupt).map(|run| run.stdout())
    }

    /// Restores the newest into a member whose data is gone; gives the program's own sentence.
    pub(super) fn restore(&self, member: &Lost) -> anyhow::Result<String> {
        let name = "restore-localize";
        self.last_word(name, self.of(name, &["etcd"], member)?)
    }

    /// Whether the etcd at this endpoint is the one that was restored; gives the program's own sentence.
    pub(super) fn confirm(&self, endpoint: &str, member: &Lost) -> anyhow::Result<String> {
        let name = "restore-localize";
        let command = Spawn::new(places::ours(name)?).clean_env();
        let command = command.args(["etcd", "confirm", "--endpoint", endpoint, "--data-dir"]);
        self.last_word(name, command.arg(&member.data_dir))
    }

    fn of(&self, name: &str, what: &[&str], member: &Lost) -> anyhow::Result<Spawn> {
        let Lost { name: member, initial_cluster, data_dir, tool } = member;
        let command = self.whose(name, what)?.args(["--from", &self.url()]);
        let command = command.args(["--generation", GENERATION, "--name", member]);
        let command = command.args(["--initial-cluster", initial_cluster]);
        Ok(command.arg("--data-dir").arg(data_dir).arg("--tool").arg(tool))
    }

    fn printed(&self, name: &str, args: &[&str]) -> anyhow::Result<String> {
        let command = self.whose(name, args)?.args(["--from", &self.url()]);
        command::run(name, command, &self.interrupt).map(|run| run.stdout())
    }

    fn last_word(&self, name: &str, command: Spawn) -> anyhow::Result<String> {
        let file = self.folder.join(format!("{name}.last-word"));
        let command = command.arg("--termination-log").arg(&file);
        command::run(name, command, &self.interrupt)?;
        let word = std::fs::read_to_string(&file).context("the last word")?;
        Ok(word.lines().next().unwrap_or_default().to_owned())
    }

    /// What it is to do comes first: a subcommand's flags stand behind it.
    fn whose(&self, name: &str, what: &[&str]) -> anyhow::Result<Spawn> {
        let command = Spawn::new(places::ours(name)?).clean_env().envs(&self.caller);
        Ok(command.args(what).args(["--namespace", NAMESPACE, "--cluster", CLUSTER]))
    }

    fn url(&self) -> String {
        format!("s3://{}/backups", self.bucket)
    }
}
