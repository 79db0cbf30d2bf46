// SPDX-License-Identifier: Apache-2.0
//! restic: init, backup, check of all data, restore, forget and prune.

use std::process::Command;

use anyhow::Context;

use crate::bed::{Endpoint, REGION};
use crate::tool::run;
use crate::{Observed, tree};

pub(crate) fn story(program: &str, to: &Endpoint) -> anyhow::Result<Observed> {
    let work = tempfile::tempdir()?;
    let (source, restored) = (work.path().join("source"), work.path().join("restored"));
    tree::make(&source)?;
    let restic = |args: &[&str]| {
        let mut command = Command::new(program);
        command
            .env("HOME", work.path())
            .env("RESTIC_PASSWORD", "a password")
            .env("RESTIC_CACHE_DIR", work.path().join("cache"))
            .env("AWS_ACCESS_KEY_ID", &to.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &to.secret)
            .env("AWS_DEFAULT_REGION", REGION)
            .current_dir(work.path())
            .args(["-q", "-o", "s3.bucket-lookup=path", "-r"])
            .arg(format!("s3:{}/{}/r", to.url(), to.bucket));
        if let Some(ca) = &to.ca {
            command.arg("--cacert").arg(ca);
        }
        run(command.args(args))
    };
    restic(&["init"])?;
    restic(&["backup", "source"])?;
    std::fs::write(source.join("later"), "a second snapshot")?;
    restic(&["backup", "source"])?;
    restic(&["check", "--read-data"])?;
    restic(&["restore", "latest:/source", "--target", restored.to_str().context("UTF-8")?])?;
    restic(&["forget", "--keep-last", "1", "--prune"])?;
    tree::compared(&source, &restored)
}
