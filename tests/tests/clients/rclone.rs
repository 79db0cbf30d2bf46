// SPDX-License-Identifier: Apache-2.0
//! rclone (AWS SDK for Go, version 2): copy up, check, copy back, delete.

use std::process::Command;

use crate::Observed;
use crate::bed::{Endpoint, REGION};
use crate::tool::run;
use crate::tree;

pub(crate) fn story(program: &str, to: &Endpoint) -> anyhow::Result<Observed> {
    let work = tempfile::tempdir()?;
    let (source, back) = (work.path().join("source"), work.path().join("back"));
    tree::make_plain(&source)?;
    let remote = format!(":s3:{}/c", to.bucket);
    let rclone = |args: &[&str]| {
        let mut command = Command::new(program);
        command
            .env("HOME", work.path())
            .env("RCLONE_CONFIG", "/dev/null")
            .env("RCLONE_S3_PROVIDER", "Other")
            .env("RCLONE_S3_ENV_AUTH", "true")
            .env("RCLONE_S3_ENDPOINT", to.url())
            .env("RCLONE_S3_REGION", REGION)
            .env("RCLONE_S3_FORCE_PATH_STYLE", "true")
            .env("AWS_ACCESS_KEY_ID", &to.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &to.secret)
            .args(["--retries", "1", "--s3-upload-cutoff", "1Mi", "--s3-chunk-size", "5Mi"]);
        if let Some(ca) = &to.ca {
            command.arg("--ca-cert").arg(ca);
        }
        run(command.args(args))
    };
    let (from, to_dir) = (source.display().to_string(), back.display().to_string());
    rclone(&["copy", &from, &remote])?;
    rclone(&["check", "--download", &from, &remote])?;
    let listed = rclone(&["lsf", "-R", "--files-only", &remote])?;
    rclone(&["copy", &remote, &to_dir])?;
    rclone(&["delete", &remote])?;
    let left = rclone(&["lsf", "-R", "--files-only", &remote])?;
    let mut observed = tree::contents_compared(&source, &back)?;
    let mut names: Vec<&str> = listed.lines().collect();
    names.sort_unstable();
    observed.insert("listed".to_owned(), names.join(" | "));
    observed.insert("left".to_owned(), left);
    Ok(observed)
}
