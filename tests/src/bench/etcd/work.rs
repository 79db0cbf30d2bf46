// SPDX-License-Identifier: Apache-2.0
//! The work that is measured: one snapshot, from etcd to an object.

use std::path::{Path, PathBuf};

use testbed::Spawn;
use testbed::servers::Versitygw;

use super::ground::{BUCKET, Ground};
use super::watched::{Used, run};
use super::way::Way;
use crate::bench::places;

/// boto3's own transfer manager, with its defaults.
const PUT: &str = "import boto3, sys
file, endpoint, bucket, key = sys.argv[1:]
boto3.client('s3', endpoint_url=endpoint).upload_file(file, bucket, key)";

/// One snapshot on one way.
pub(super) fn snapshot(ground: &Ground, way: Way) -> anyhow::Result<Used> {
    let file = ground.path("snapshot.db");
    let used = match way {
        Way::Ours => return run(ours(ground, &ground.store.endpoint())?, &ground.interrupt),
        Way::Rclone => save(ground, &file)?.then(run(rclone(ground, &file)?, &ground.interrupt)?),
        Way::Boto3 => save(ground, &file)?.then(run(boto3(ground, &file)?, &ground.interrupt)?),
    };
    std::fs::remove_file(&file)?;
    Ok(used)
}

/// Ours, to the S3 server at `endpoint`; the memory for parts is the default.
pub(in crate::bench) fn ours(ground: &Ground, endpoint: &str) -> anyhow::Result<Spawn> {
    let spawn = keyed(Spawn::new(places::ours("snapshot-upload")?), ground);
    Ok(spawn
        .args(["--to", &format!("s3://{BUCKET}/ours"), "--s3-endpoint", endpoint])
        .args(["--namespace", "bench", "--cluster", "etcd", "--spool-dir"])
        .arg(ground.folder())
        .arg("--termination-log")
        .arg(ground.path("last-word"))
        .args(["etcd", "--endpoint", &ground.endpoint()?]))
}

/// etcd's own tool, into a file.
pub(super) fn save(ground: &Ground, file: &Path) -> anyhow::Result<Used> {
    let spawn = Spawn::new(etcdctl()?).clean_env().args(["--endpoints", &ground.endpoint()?]);
    run(spawn.args(["snapshot", "save"]).arg(file), &ground.interrupt)
}

fn etcdctl() -> anyhow::Result<PathBuf> {
    Ok(places::tool("etcd-3.6", "PILOTFISH_ETCD_3_6")?.with_file_name("etcdctl"))
}

fn rclone(ground: &Ground, file: &Path) -> anyhow::Result<Spawn> {
    Ok(rclone_with(ground)?.arg("copyto").arg(file).arg(format!(":s3:{BUCKET}/theirs/snapshot.db")))
}

/// A download with rclone.
pub(in crate::bench) fn rclone_at(
    ground: &Ground,
    key: &str,
    file: &Path,
) -> anyhow::Result<Spawn> {
    Ok(rclone_with(ground)?.arg("copyto").arg(format!(":s3:{BUCKET}/{key}")).arg(file))
}

fn rclone_with(ground: &Ground) -> anyhow::Result<Spawn> {
    let spawn = keyed(Spawn::new(places::tool("rclone", "PILOTFISH_RCLONE")?), ground);
    Ok(spawn
        .env("RCLONE_CONFIG", "/dev/null")
        .env("RCLONE_S3_PROVIDER", "Other")
        .env("RCLONE_S3_ENV_AUTH", "true")
        .env("RCLONE_S3_ENDPOINT", ground.store.endpoint())
        .env("RCLONE_S3_REGION", Versitygw::REGION)
        .env("RCLONE_S3_FORCE_PATH_STYLE", "true")
        // A backup has no right to make buckets.
        .env("RCLONE_S3_NO_CHECK_BUCKET", "true"))
}

fn boto3(ground: &Ground, file: &Path) -> anyhow::Result<Spawn> {
    let spawn = keyed(Spawn::new(places::tool("python", "PILOTFISH_PYTHON")?), ground);
    Ok(spawn.env("AWS_EC2_METADATA_DISABLED", "true").args(["-c", PUT]).arg(file).args([
        &ground.store.endpoint(),
        BUCKET,
        "theirs/snapshot.db",
    ]))
}

/// With the S3 server's keys and nothing else of the environment.
pub(in crate::bench) fn keyed(spawn: Spawn, ground: &Ground) -> Spawn {
    let store = &ground.store;
    spawn
        .clean_env()
        .env("HOME", ground.folder())
        .env("AWS_REGION", Versitygw::REGION)
        .env("AWS_DEFAULT_REGION", Versitygw::REGION)
        .env("AWS_ACCESS_KEY_ID", store.access_key())
        .env("AWS_SECRET_ACCESS_KEY", store.secret_key())
}
