// SPDX-License-Identifier: Apache-2.0
//! kopia: create, two snapshots of an odd tree, verify, restore, full maintenance.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::bed::{Endpoint, REGION};
use crate::tool::run;
use crate::{Observed, tree};

pub(crate) fn story(program: &str, to: &Endpoint) -> anyhow::Result<Observed> {
    let work = tempfile::tempdir()?;
    let kopia = |args: &[&str]| run(Kopia { program, work: work.path() }.command().args(args));
    let mut create = Kopia { program, work: work.path() }.command();
    create.args(["repository", "create", "s3", "--prefix", "k/", "--region", REGION]);
    create.args(["--bucket", &to.bucket, "--endpoint", &to.host]);
    create.args(["--access-key", &to.access_key_id, "--secret-access-key", &to.secret]);
    match &to.ca {
        Some(ca) => create.arg("--root-ca-pem-path").arg(ca),
        None => create.arg("--disable-tls"),
    };
    run(&mut create)?;
    let (source, restored) = (work.path().join("source"), work.path().join("restored"));
    tree::make(&source)?;
    let path = source.to_str().context("a UTF-8 path")?;
    kopia(&["snapshot", "create", path])?;
    std::fs::write(source.join("later"), "a second snapshot")?;
    kopia(&["snapshot", "create", path])?;
    kopia(&["snapshot", "verify", "--verify-files-percent=100"])?;
    let list = kopia(&["snapshot", "list", "--json", "--all"])?;
    let list: serde_json::Value = serde_json::from_str(&list)?;
    let last = list.as_array().and_then(|all| all.last()).context("a snapshot")?;
    let id = last["id"].as_str().context("its id")?;
    kopia(&["snapshot", "restore", id, restored.to_str().context("a UTF-8 path")?])?;
    kopia(&["maintenance", "run", "--full"])?;
    let mut observed = tree::compared(&source, &restored)?;
    observed.insert("snapshots".to_owned(), list.as_array().map_or(0, Vec::len).to_string());
    Ok(observed)
}

struct Kopia<'a> {
    program: &'a str,
    work: &'a Path,
}

impl Kopia<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command
            .env("HOME", self.work)
            .env("KOPIA_PASSWORD", "a password")
            .env("KOPIA_CHECK_FOR_UPDATES", "false")
            .env("KOPIA_CACHE_DIRECTORY", self.work.join("cache"))
            .env("KOPIA_LOG_DIR", self.work.join("log"))
            .env("KOPIA_CONFIG_PATH", self.work.join("repository.config"))
            .args(["--no-progress", "--no-auto-maintenance"]);
        command
    }
}
