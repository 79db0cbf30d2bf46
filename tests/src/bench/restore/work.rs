// SPDX-License-Identifier: Apache-2.0
//! The work that is measured: one restore, from an object to a data directory that is on the disk.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use testbed::Spawn;

use super::back::Back;
use crate::bench::etcd::{BUCKET, Ground, Used, keyed, ours as upload, rclone_at, run};
use crate::bench::places;

const GET: &str = "import boto3, sys
file, endpoint, bucket, key = sys.argv[1:]
boto3.client('s3', endpoint_url=endpoint).download_file(bucket, key, file)";
const CLUSTER: &str = "m0=http://127.0.0.1:2380";
const URL: &str = "http://127.0.0.1:2380";

/// A snapshot that lies in the bucket.
pub(super) struct Laid {
    key: String,
}

/// Takes one.
pub(super) fn lay(ground: &Ground) -> anyhow::Result<Laid> {
    run(upload(ground, &ground.store.endpoint())?, &ground.interrupt)?;
    let objects = ground.store.objects(BUCKET)?;
    let found = objects.into_iter().find(|object| object.key.ends_with(".snap"));
    Ok(Laid { key: found.context("no snapshot is in the bucket")?.key })
}

/// One restore on one way, its data brought to the disk.
pub(super) fn restore(ground: &Ground, laid: &Laid, way: Back) -> anyhow::Result<Used> {
    let (file, target) = (ground.path("snapshot.db"), ground.path("restored"));
    let used = match way {
        Back::Ours => run(ours(ground, &target)?, &ground.interrupt)?,
        Back::Rclone => {
            let got = run(rclone_at(ground, &laid.key, &file)?, &ground.interrupt)?;
            got.then(run(etcdutl(&file, &target)?, &ground.interrupt)?).then(synced(&target)?)
        }
        Back::Boto3 => {
            let got = run(boto3(ground, &laid.key, &file)?, &ground.interrupt)?;
            got.then(run(etcdutl(&file, &target)?, &ground.interrupt)?).then(synced(&target)?)
        }
    };
    ensure!(target.join("member/snap/db").is_file(), "no member was made");
    std::fs::remove_dir_all(&target)?;
    std::fs::remove_file(&file).or_else(|error| match way {
        Back::Ours => Ok(()),
        _ => Err(error),
    })?;
    sync(None)?;
    Ok(used)
}

fn ours(ground: &Ground, target: &Path) -> anyhow::Result<Spawn> {
    let spawn = keyed(Spawn::new(places::ours("restore-localize")?), ground);
    Ok(spawn
        .args(["etcd", "--from", &format!("s3://{BUCKET}/ours")])
        .args(["--s3-endpoint", &ground.store.endpoint()])
        .args(["--namespace", "bench", "--cluster", "etcd", "--generation", "bench"])
        .args(["--name", "m0", "--initial-cluster", CLUSTER, "--data-dir"])
        .arg(target)
        .arg("--tool")
        .arg(tool()?)
        .arg("--termination-log")
        .arg(ground.path("last-word")))
}

fn tool() -> anyhow::Result<PathBuf> {
    Ok(places::tool("etcd-3.6", "PILOTFISH_ETCD_3_6")?.with_file_name("etcdutl"))
}

fn etcdutl(file: &Path, target: &Path) -> anyhow::Result<Spawn> {
    let spawn = Spawn::new(tool()?).clean_env().args(["snapshot", "restore"]).arg(file);
    let spawn = spawn.arg("--data-dir").arg(target).args(["--name", "m0"]);
    let spawn = spawn.args(["--initial-cluster", CLUSTER, "--initial-cluster-token", "bench"]);
    let spawn = spawn.args(["--initial-advertise-peer-urls", URL]);
    Ok(spawn.args(["--bump-revision", "1000000000", "--mark-compacted"]))
}

fn boto3(ground: &Ground, key: &str, file: &Path) -> anyhow::Result<Spawn> {
    let spawn = keyed(Spawn::new(places::tool("python", "PILOTFISH_PYTHON")?), ground);
    let spawn = spawn.env("AWS_EC2_METADATA_DISABLED", "true").args(["-c", GET]).arg(file);
    Ok(spawn.args([&ground.store.endpoint(), BUCKET, key]))
}

/// Ours brings what it made to the disk, so the others are given the same.
fn synced(target: &Path) -> anyhow::Result<Used> {
    let begun = Instant::now();
    sync(Some(&target.join("member/snap/db")))?;
    Ok(Used { wall: begun.elapsed(), ..Used::default() })
}

fn sync(file: Option<&Path>) -> anyhow::Result<()> {
    let mut command = Command::new("sync");
    let status = command.args(file).status().context("sync")?;
    ensure!(status.success(), "sync ended with {status}");
    Ok(())
}
