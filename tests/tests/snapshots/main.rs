// SPDX-License-Identifier: Apache-2.0
//! The snapshot programs beside one another: retention while an upload commits and a restore reads.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod round_trip;
mod strangers;

use std::path::{Path, PathBuf};
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use testbed::servers::Versitygw;
use testbed::{Fault, FaultPlan, Front, FrontConfig, Match, Running, Spawn, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
const WHOSE: [&str; 4] = ["--namespace", "ns", "--cluster", "etcd"];

struct Bed {
    server: Versitygw,
    /// The uploader's way to the store, and the restore's.
    fronts: [Front; 2],
    files: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        let server = Versitygw::launch(None).unwrap();
        server.create_bucket("bucket").unwrap();
        let front = || Front::start(FrontConfig::new(server.addr())).unwrap();
        let (fronts, files) = ([front(), front()], tempfile::tempdir().unwrap());
        for (name, text) in
            [("accessKeyID", server.access_key()), ("secretAccessKey", server.secret_key())]
        {
            std::fs::write(files.path().join(name), text).unwrap();
        }
        std::fs::create_dir_all(files.path().join("claims/ns/restored/1")).unwrap();
        Self { server, fronts, files }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn start(&self, program: &str, endpoint: &str, args: &[&str]) -> Running {
        let spawn = Spawn::new(cargo_bin(program)).clean_env().args(args).args(WHOSE);
        let spawn = spawn.args(["--s3-endpoint", endpoint, "--s3-region", Versitygw::REGION]);
        spawn.arg("--credentials-dir").arg(self.files.path()).start().unwrap()
    }

    fn end(&self, program: &str, args: &[&str]) -> (Option<i32>, String) {
        ended(self.start(program, &self.server.endpoint(), args))
    }

    fn keys(&self) -> Vec<String> {
        let objects = self.server.objects("bucket").unwrap();
        objects.into_iter().map(|object| object.key).filter(|key| !key.contains("/runs/")).collect()
    }
}

fn ended(mut running: Running) -> (Option<i32>, String) {
    let status = running.wait(PATIENCE).unwrap();
    (status.code(), running.stdout() + &running.stderr())
}

fn content(path: &Path, byte: u8, bytes: usize) {
    std::fs::write(path, vec![byte; bytes]).unwrap();
}

/// The arguments of an upload of a file into the bucket.
fn upload_of(source: &Path) -> [&str; 6] {
    ["file", source.to_str().unwrap(), "--to", "s3://bucket/pre", "--content", "plain"]
}

/// The id of the oldest snapshot.
fn oldest(bed: &Bed) -> String {
    let (_, list) = bed.end("snapshot-read", &["list", "--json", "--from", "s3://bucket/pre"]);
    let manifests: Vec<Value> =
        list.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    manifests.last().unwrap()["id"].as_str().unwrap().to_owned()
}

/// Keeps the newest and what is pinned.
fn prune(bed: &Bed) {
    let claims = format!("file://{}", bed.path("claims").display());
    let keep = ["--from", "s3://bucket/pre", "--keep-last", "1", "--min-keep", "1"];
    let (code, plan) =
        bed.end("snapshot-prune", &[&keep[..], &["--apply", "--claims", &claims]].concat());
    assert_eq!(code, Some(0), "{plan}");
    assert!(plan.contains("keep: pinned"), "{plan}");
}

#[test]
fn retention_leaves_alone_an_upload_that_commits_and_a_restore_that_is_pinned() {
    let bed = Bed::new();
    let [uploading, restoring] = &bed.fronts;
    let source = bed.path("source");
    let upload = upload_of(&source);
    for byte in 0..4 {
        content(&source, byte, 3_000_000);
        let (code, log) = bed.end("snapshot-upload", &upload);
        assert_eq!(code, Some(0), "{log}");
    }

    // A restore reads the oldest one, slowly, and is pinned to it.
    let oldest = oldest(&bed);
    let pin = format!("{{\"version\":\"1.0\",\"snapshot\":\"{oldest}\"}}");
    std::fs::write(bed.path("claims/ns/restored/1/pin"), pin).unwrap();
    restoring.plan(FaultPlan::none().throttled(1_000_000));
    let target = bed.path("restored");
    let get = ["get", &oldest, target.to_str().unwrap(), "--from", "s3://bucket/pre"];
    let restore = bed.start("snapshot-read", &restoring.url(), &get);

    // An upload has published its data, and its manifest hangs.
    content(&source, 9, 3_000_000);
    uploading.plan(FaultPlan::one(Match::method("PUT").target(".snap.json").times(1), Fault::Hang));
    let patient = [&upload[..], &["--store-timeout", "5s"]].concat();
    let commits = bed.start("snapshot-upload", &uploading.url(), &patient);
    wait_until(PATIENCE, "the manifest", || !uploading.hits().is_empty()).unwrap();

    prune(&bed);
    let (code, log) = ended(restore);
    assert_eq!(code, Some(0), "{log}");
    assert!(std::fs::read(&target).unwrap() == vec![0; 3_000_000]);
    let (code, log) = ended(commits);
    assert_eq!(code, Some(0), "{log}");
    // The newest of then, the pinned one, and the one that was being committed: each whole.
    assert_eq!(bed.keys().len(), 6, "{:?}", bed.keys());
    let check = ["--from", "s3://bucket/pre", "--deep", "all"];
    let (code, report) = bed.end("snapshot-check", &check);
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("3 snapshots"), "{report}");
}
