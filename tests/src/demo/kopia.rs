// SPDX-License-Identifier: Apache-2.0
//! Real kopia, with a home of its own: nothing of the user's kopia is read or written.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::Value;
use testbed::{Spawn, StaticPair};

use super::command;
use super::proxy::REGION;
use crate::interrupt::Interrupt;

/// How kopia reaches its endpoint.
#[derive(Clone, Debug)]
pub(super) enum Security {
    /// Plain HTTP on loopback.
    Plain,
    /// TLS, trusting this authority alone.
    Tls { ca: PathBuf },
}

/// Where a repository is.
pub(super) struct Repository {
    /// `HOST:PORT`.
    pub(super) endpoint: String,
    pub(super) security: Security,
    pub(super) bucket: &'static str,
    pub(super) access_key_id: String,
    pub(super) secret: String,
}

/// A snapshot by its id.
#[derive(Clone, Debug)]
pub(super) struct Snapshot(String);

/// Kopia and its repository.
pub(super) struct Kopia {
    program: PathBuf,
    home: PathBuf,
    password: String,
    repository: Repository,
    interrupt: Interrupt,
}

impl Kopia {
    pub(super) fn new(
        program: PathBuf,
        home: PathBuf,
        repository: Repository,
        interrupt: Interrupt,
    ) -> anyhow::Result<Kopia> {
        std::fs::create_dir_all(&home).with_context(|| format!("kopia's home {home:?}"))?;
        let password = StaticPair::random().secret;
        Ok(Kopia { program, home, password, repository, interrupt })
    }

    /// Makes the repository, with a cache of contents that is too small to hold much of the tree.
    pub(super) fn create(&self) -> anyhow::Result<()> {
        let Repository { endpoint, bucket, security, .. } = &self.repository;
        let mut command = self
            .command(&["repository", "create", "s3", "--region", REGION])
            .args(["--bucket", bucket, "--endpoint", endpoint])
            // Not 0, which makes kopia 0.23 panic at the next command.
            .args(["--content-cache-size-mb", "1", "--content-cache-size-limit-mb", "16"]);
        command = match security {
            Security::Plain => command.arg("--disable-tls"),
            Security::Tls { ca } => command.arg("--root-ca-pem-path").arg(ca),
        };
        self.run(command).map(drop)
    }

    /// Snapshots a tree; a file that is left out is an error.
    pub(super) fn snapshot(&self, tree: &Path) -> anyhow::Result<Snapshot> {
        let said = self.run(self.command(&["snapshot", "create", "--json"]).arg(tree))?;
        let said: Value = serde_json::from_str(&said).context("what kopia says of a snapshot")?;
        let failed = said["rootEntry"]["summ"]["numFailed"].as_u64().unwrap_or(0);
        ensure!(failed == 0, "kopia left {failed} files out of the snapshot");
        let id = said["id"].as_str().context("kopia's snapshot has no id")?;
        Ok(Snapshot(id.to_owned()))
    }

    /// Reads back from the store, and checks, every byte of a snapshot.
    pub(super) fn verify(&self, snapshot: &Snapshot) -> anyhow::Result<()> {
        self.forget()?;
        let command = self.command(&["snapshot", "verify", "--verify-files-percent=100"]);
        self.run(command.arg(&snapshot.0)).map(drop)
    }

    /// Restores a snapshot from the store into a new folder.
    pub(super) fn restore(&self, snapshot: &Snapshot, to: &Path) -> anyhow::Result<()> {
        self.forget()?;
        let command = self.command(&["snapshot", "restore"]);
        self.run(command.arg(&snapshot.0).arg(to)).map(drop)
    }

    /// Empties the cache, so that the next command reads from the store.
    fn forget(&self) -> anyhow::Result<()> {
        self.run(self.command(&["cache", "clear"])).map(drop)
    }

    fn command(&self, args: &[&str]) -> Spawn {
        let home = |name: &str| self.home.join(name);
        Spawn::new(&self.program)
            .clean_env()
            .env("HOME", &self.home)
            .env("KOPIA_CONFIG_PATH", home("repository.config"))
            .env("KOPIA_CACHE_DIRECTORY", home("cache"))
            .env("KOPIA_LOG_DIR", home("logs"))
            .env("KOPIA_PASSWORD", &self.password)
            .env("KOPIA_USE_KEYRING", "false")
            .env("KOPIA_CHECK_FOR_UPDATES", "false")
            .env("AWS_ACCESS_KEY_ID", &self.repository.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &self.repository.secret)
            .args(args)
            .arg(OsStr::new("--no-progress"))
    }

    /// Runs a command to its end; returns its standard output.
    fn run(&self, command: Spawn) -> anyhow::Result<String> {
        command::run("kopia", command, &self.interrupt).map(|run| run.stdout())
    }
}
