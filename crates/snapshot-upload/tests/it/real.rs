// SPDX-License-Identifier: Apache-2.0
//! 53 keys of a real etcd, into every store; proven by etcd's own tools on what the server gives back.

use std::path::Path;

use serde_json::Value;
use snapshot::Digest;
use testbed::etcd::{Etcd, Version};
use testbed::servers::{Azurite, FakeGcs, Minio, Versitygw};

use crate::bed::Run;

/// 50 keys whose value is the hash of the key, one of 100 KiB, one multibyte, one sentinel.
async fn fill(etcd: &Etcd) {
    for number in 0..50 {
        let key = format!("key-{number:02}");
        etcd.ctl(&["put", &key, &Digest::of(key.as_bytes()).to_string()]).await.unwrap();
    }
    etcd.ctl(&["put", "large", &"x".repeat(100 * 1024)]).await.unwrap();
    etcd.ctl(&["put", "schl\u{fc}ssel-\u{9375}", "wert-\u{503c}-\u{1f511}"]).await.unwrap();
    etcd.ctl(&["put", "sentinel", "last"]).await.unwrap();
}

enum Ground {
    File(tempfile::TempDir),
    Versitygw(Versitygw),
    Minio(Minio),
    Azurite(Azurite),
    FakeGcs(FakeGcs),
}

impl Ground {
    async fn all() -> Vec<Self> {
        let versitygw = Versitygw::start().await.unwrap();
        versitygw.create_bucket("bucket").unwrap();
        let azurite = Azurite::start().await.unwrap();
        azurite.create_container("bucket").unwrap();
        let gcs = FakeGcs::start().await.unwrap();
        gcs.create_bucket("bucket").unwrap();
        let file = tempfile::tempdir().unwrap();
        let mut all = vec![
            Self::File(file),
            Self::Versitygw(versitygw),
            Self::Azurite(azurite),
            Self::FakeGcs(gcs),
        ];
        // Too dear to be made for every run: a second opinion where it is there.
        if testbed::rare_tool("minio").is_some() {
            let minio = Minio::start().await.unwrap();
            minio.create_bucket("bucket").unwrap();
            all.push(Self::Minio(minio));
        }
        all
    }

    fn flags(&self, credentials: &Path) -> Vec<String> {
        let write = |name: &str, text: &str| std::fs::write(credentials.join(name), text).unwrap();
        let dir = credentials.to_str().unwrap();
        let s3 = |endpoint: String, region: &str, id: &str, secret: &str| {
            write("accessKeyID", id);
            write("secretAccessKey", secret);
            let flags = [
                "--to",
                "s3://bucket/pre",
                "--s3-region",
                region,
                "--credentials-dir",
                dir,
                "--s3-endpoint",
            ];
            [flags.map(str::to_owned).to_vec(), vec![endpoint]].concat()
        };
        match self {
            Self::File(root) => {
                vec!["--to".to_owned(), format!("file://{}", root.path().display())]
            }
            Self::Versitygw(it) => {
                s3(it.endpoint(), Versitygw::REGION, it.access_key(), it.secret_key())
            }
            Self::Minio(it) => s3(it.endpoint(), "us-east-1", it.access_key(), it.secret_key()),
            Self::Azurite(it) => {
                write("connectionString", &it.connection_string());
                ["--to", "az://bucket/pre", "--credentials-dir", dir].map(str::to_owned).to_vec()
            }
            Self::FakeGcs(it) => {
                vec![
                    "--to".to_owned(),
                    "gs://bucket/pre".to_owned(),
                    "--gcs-endpoint".to_owned(),
                    it.endpoint(),
                ]
            }
        }
    }

    /// (key, size) of every object, by the server's own means.
    fn objects(&self) -> Vec<(String, u64)> {
        let told = |it: Vec<testbed::servers::Object>| {
            it.into_iter().map(|it| (it.key, it.size)).collect()
        };
        match self {
            Self::File(root) => {
                let folder = root.path().join("ns/etcd");
                let entries = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap());
                let files = entries.filter(|it| it.path().is_file());
                files
                    .map(|it| (it.file_name().into_string().unwrap(), it.metadata().unwrap().len()))
                    .collect()
            }
            Self::Versitygw(it) => told(it.objects("bucket").unwrap()),
            Self::Minio(it) => told(it.objects("bucket").unwrap()),
            Self::Azurite(it) => told(it.objects("bucket").unwrap()),
            Self::FakeGcs(it) => told(it.objects("bucket").unwrap()),
        }
    }

    fn read(&self, key: &str) -> Vec<u8> {
        match self {
            Self::File(root) => std::fs::read(root.path().join("ns/etcd").join(key)).unwrap(),
            Self::Versitygw(it) => it.read("bucket", key).unwrap(),
            Self::Minio(it) => it.read("bucket", key).unwrap(),
            Self::Azurite(it) => it.read("bucket", key).unwrap(),
            Self::FakeGcs(it) => it.read("bucket", key).unwrap(),
        }
    }
}

async fn proven(version: Version) {
    let etcd = Etcd::member(version).await.unwrap();
    fill(&etcd).await;
    for ground in Ground::all().await {
        let files = tempfile::tempdir().unwrap();
        let flags = ground.flags(files.path());
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let url = etcd.endpoints()[0].clone();
        let run = Run::new(&["etcd", "--endpoint", &url, "--namespace", "ns", "--cluster", "etcd"]);
        let ended = run.args(&flags).args(&["--compare-members"]).end();
        ended.assert(0, &["committed", "53 keys"]);

        let objects = ground.objects();
        let (key, _) = objects.iter().find(|(key, _)| key.ends_with(".snap.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&ground.read(key)).unwrap();
        let name = manifest["object"]["key"].as_str().unwrap();
        let (key, size) = objects.iter().find(|(key, _)| key.ends_with(name)).unwrap();
        assert_eq!(manifest["object"]["bytes"], *size);
        assert!(*size >= 16 * 1024, "{size}");
        let data = ground.read(key);
        assert_eq!(Digest::of(&data).to_string(), manifest["object"]["sha256"]);
        let file = files.path().join("downloaded.db");
        std::fs::write(&file, &data).unwrap();
        agrees(&etcd, &file, &manifest).await;
        assert_eq!(ended.facts["id"], manifest["id"]);
    }
}

/// What etcd's own tool says of the file: revision, keys by its version's rule, hash.
async fn agrees(etcd: &Etcd, file: &Path, manifest: &Value) {
    let args = ["snapshot", "status", file.to_str().unwrap(), "-w", "json"];
    let status = match etcd.version() {
        Version::V3_4 => etcd.ctl(&args).await.unwrap(),
        _ => etcd.utl(&args).await.unwrap(),
    };
    let status: Value = serde_json::from_str(&status).unwrap();
    let facts = &manifest["facts"]["etcd"];
    assert_eq!(status["revision"], facts["revision"]);
    assert_eq!(status["hash"], facts["status_hash"]);
    let keys = if etcd.version() == Version::V3_6 { "live_keys" } else { "total_keys" };
    assert_eq!(status["totalKey"], facts[keys], "{}", etcd.version().tool());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_3_6_into_every_store() {
    proven(Version::V3_6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_3_5_into_every_store() {
    proven(Version::V3_5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_3_4_into_every_store() {
    proven(Version::V3_4).await;
}
