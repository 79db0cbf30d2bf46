// SPDX-License-Identifier: Apache-2.0
//! A store, and runs of the program against it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use testbed::servers::Versitygw;
use testbed::{FaultPlan, Front, FrontConfig, Running, Spawn};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A versitygw with a front before it, and a place for files.
pub(crate) struct Bed {
    pub(crate) server: Versitygw,
    pub(crate) front: Front,
    pub(crate) files: tempfile::TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) sentence: String,
    pub(crate) facts: Value,
    pub(crate) log: String,
}

pub(crate) const BUCKET: &str = "bucket";
const FOLDER: &str = "pre/ns/etcd/";

impl Bed {
    pub(crate) fn new() -> Self {
        let server = Versitygw::launch(None).unwrap();
        server.create_bucket(BUCKET).unwrap();
        let front = Front::start(FrontConfig::new(server.addr())).unwrap();
        let files = tempfile::tempdir().unwrap();
        std::fs::create_dir(files.path().join("credentials")).unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(files.path().join("credentials").join(name), text).unwrap();
        };
        write("accessKeyID", server.access_key());
        write("secretAccessKey", server.secret_key());
        Self { server, front, files }
    }

    pub(crate) fn fault(&self, plan: FaultPlan) {
        self.front.plan(plan);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// A run of `snapshot-upload ARGS` into the store behind the front.
    pub(crate) fn upload(&self, args: &[&str]) -> Run {
        let credentials = self.path("credentials");
        let flags = [
            "--to",
            "s3://bucket/pre",
            "--namespace",
            "ns",
            "--cluster",
            "etcd",
            "--s3-endpoint",
            &self.front.url(),
            "--s3-region",
            Versitygw::REGION,
            "--credentials-dir",
            credentials.to_str().unwrap(),
            "--store-timeout",
            "2s",
            "--retry-timeout",
            "5s",
            "--stall-timeout",
            "2s",
        ];
        Run::new(args).args(&flags)
    }

    /// Every object below the prefix, by the server's own means, less the run records.
    pub(crate) fn objects(&self) -> Vec<String> {
        let objects = self.server.objects(BUCKET).unwrap();
        let names = objects.into_iter().map(|it| it.key.strip_prefix(FOLDER).unwrap().to_owned());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with("runs/")).collect();
        names.sort();
        names
    }

    /// The one manifest.
    pub(crate) fn manifest(&self) -> Value {
        let objects = self.objects();
        let manifests: Vec<&String> = objects.iter().filter(|it| it.ends_with(".json")).collect();
        let [manifest] = manifests.as_slice() else { panic!("{objects:?}") };
        serde_json::from_slice(&self.read(manifest)).unwrap()
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        self.server.read(BUCKET, &format!("{FOLDER}{name}")).unwrap()
    }

    pub(crate) fn parts_left(&self) -> usize {
        self.server.multipart_left(BUCKET).unwrap().len()
    }

    /// Asserts that nothing but run records is there, and nothing half.
    pub(crate) fn assert_empty(&self, what: &str) {
        assert_eq!(self.objects(), [""; 0], "{what}");
        assert_eq!(self.parts_left(), 0, "{what}");
    }

    /// Asserts that one snapshot is there, whole, and nothing else.
    pub(crate) fn assert_one_whole(&self, what: &str) -> Value {
        let manifest = self.manifest();
        let key = manifest["object"]["key"].as_str().unwrap();
        let data = self.read(key);
        assert_eq!(data.len() as u64, manifest["object"]["bytes"], "{what}");
        assert_eq!(snapshot::Digest::of(&data).to_string(), manifest["object"]["sha256"], "{what}");
        manifest
    }

    /// Planted through the server: what is laid on its disk does not exist to its own If-None-Match.
    pub(crate) fn create(&self, name: &str, bytes: &[u8]) {
        let settings = store::Settings {
            s3_endpoint: Some(self.server.endpoint().parse().unwrap()),
            s3_region: Some(Versitygw::REGION.to_owned()),
            credentials_dir: Some(self.path("credentials")),
            ..store::Settings::default()
        };
        let store = store::open(&"s3://bucket/pre/ns/etcd".parse().unwrap(), &settings).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(store.create(name, bytes.to_vec().into())).unwrap();
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        self.server.put(BUCKET, &format!("{FOLDER}{name}"), bytes).unwrap();
    }
}

/// A run to be.
pub(crate) struct Run {
    spawn: Spawn,
    files: tempfile::TempDir,
}

/// A run that goes on.
pub(crate) struct Going {
    pub(crate) running: Running,
    files: tempfile::TempDir,
}

impl Run {
    pub(crate) fn new(args: &[&str]) -> Self {
        let files = tempfile::tempdir().unwrap();
        let spawn = Spawn::new(env!("CARGO_BIN_EXE_snapshot-upload")).clean_env().args(args);
        let spawn = spawn.arg("--termination-log").arg(files.path().join("last-word"));
        let spawn = spawn.arg("--outcome-file").arg(files.path().join("outcome"));
        let spawn = spawn.env("TMPDIR", files.path());
        Self { spawn, files }
    }

    pub(crate) fn args(self, args: &[&str]) -> Self {
        Self { spawn: self.spawn.args(args), ..self }
    }

    pub(crate) fn start(self) -> Going {
        Going { running: self.spawn.start().unwrap(), files: self.files }
    }

    pub(crate) fn end(self) -> Ended {
        self.start().end()
    }
}

impl Going {
    pub(crate) fn end(mut self) -> Ended {
        let status = self.running.wait(PATIENCE).unwrap();
        let log = self.running.stdout() + &self.running.stderr();
        let Some(code) = status.code() else { panic!("killed: {log}") };
        let outcome = std::fs::read(self.files.path().join("outcome")).unwrap_or_default();
        let outcome: Value = serde_json::from_slice(&outcome).unwrap_or_default();
        let last_word = std::fs::read_to_string(self.files.path().join("last-word"));
        let last_word = last_word.unwrap_or_else(|_| panic!("no last word: {log}"));
        let sentence = last_word.lines().next().unwrap_or_default().to_owned();
        Ended { code, sentence, facts: outcome["facts"].clone(), log }
    }
}

impl Ended {
    /// Asserts the exit code, and words of the last sentence.
    pub(crate) fn assert(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}\n{}", self.sentence, self.log);
        for word in words {
            assert!(self.sentence.contains(word), "no `{word}` in: {}", self.sentence);
        }
    }
}

/// A small real snapshot.
pub(crate) fn small() -> Vec<u8> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../etcd-image/tests/data/etcd-3.6.snap");
    std::fs::read(data).unwrap()
}
