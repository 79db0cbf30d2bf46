// SPDX-License-Identifier: Apache-2.0
//! Real kopia, with a home of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use testbed::{Running, Spawn};

use crate::bed::{BUCKET, REGION};

/// Far beyond what a command takes when nothing is wrong for good.
pub(crate) const LIMIT: Duration = Duration::from_secs(180);

/// Where a repository is.
pub(crate) struct Repository {
    /// `HOST:PORT`, plain HTTP.
    pub(crate) endpoint: String,
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
}

pub(crate) struct Kopia {
    program: PathBuf,
    home: PathBuf,
    repository: Repository,
}

impl Kopia {
    pub(crate) fn new(
        program: &Path,
        home: PathBuf,
        repository: Repository,
    ) -> anyhow::Result<Kopia> {
        std::fs::create_dir_all(&home)?;
        Ok(Kopia { program: program.to_owned(), home, repository })
    }

    /// Makes the repository.
    pub(crate) fn create(&self) -> anyhow::Result<()> {
        self.run(self.at_store("create")).map(drop)
    }

    /// Finds the repository: the first thing that a pod does.
    pub(crate) fn connect(&self) -> Spawn {
        self.at_store("connect")
    }

    /// Snapshots a tree; its id.
    pub(crate) fn snapshot(&self, tree: &Path) -> anyhow::Result<String> {
        let said = self.run(self.command(&["snapshot", "create", "--json"]).arg(tree))?;
        let said: serde_json::Value = serde_json::from_str(&said)?;
        Ok(said["id"].as_str().context("a snapshot's id")?.to_owned())
    }

    /// Restores a snapshot.
    pub(crate) fn restore(&self, id: &str, to: &Path) -> Spawn {
        self.command(&["snapshot", "restore", id]).arg(to)
    }

    /// Runs a command that must succeed; what it printed.
    pub(crate) fn run(&self, command: Spawn) -> anyhow::Result<String> {
        let mut run = command.start()?;
        let status = run.wait(LIMIT)?;
        ensure!(status.success(), "kopia ended with {status}\n{}", run.story());
        Ok(run.stdout())
    }

    fn at_store(&self, verb: &str) -> Spawn {
        let Repository { endpoint, .. } = &self.repository;
        self.command(&["repository", verb, "s3", "--bucket", BUCKET, "--region", REGION])
            .args(["--endpoint", endpoint, "--disable-tls"])
            // Small, so that a restore reads from the store.
            .args(["--content-cache-size-mb", "1", "--content-cache-size-limit-mb", "2"])
    }

    fn command(&self, args: &[&str]) -> Spawn {
        let home = |name: &str| self.home.join(name);
        Spawn::new(&self.program)
            .clean_env()
            .env("HOME", &self.home)
            .env("KOPIA_CONFIG_PATH", home("repository.config"))
            .env("KOPIA_CACHE_DIRECTORY", home("cache"))
            .env("KOPIA_LOG_DIR", home("logs"))
            .env("KOPIA_PASSWORD", "a password")
            .env("KOPIA_USE_KEYRING", "false")
            .env("KOPIA_CHECK_FOR_UPDATES", "false")
            .env("AWS_ACCESS_KEY_ID", &self.repository.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &self.repository.secret)
            .args(args)
            .arg("--no-progress")
    }
}

/// The last line that it wrote: what a person reads first.
pub(crate) fn last_line(run: &Running) -> String {
    let said = run.stderr();
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    last.unwrap_or_default().trim().to_owned()
}
