// SPDX-License-Identifier: Apache-2.0
//! Every kind of store, alike for a test.

use std::path::Path;

use testbed::servers::{Azurite, FakeGcs, Minio, Versitygw};

/// A store, of whatever kind.
pub enum Ground {
    /// A folder.
    File(tempfile::TempDir),
    /// A strict S3 server.
    Versitygw(Versitygw),
    /// Another one, where it is there.
    Minio(Minio),
    /// Azure's emulator.
    Azurite(Azurite),
    /// An emulator of Google's.
    FakeGcs(FakeGcs),
}

impl Ground {
    /// Each kind, with a bucket or container `bucket`.
    pub async fn all() -> Vec<Self> {
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

    /// The flags of a run whose snapshots lie below `bucket/pre`; `which` is `--to` or `--from`, and
    /// credentials are written to that folder.
    pub fn flags(&self, which: &str, credentials: &Path) -> Vec<String> {
        let write = |name: &str, text: &str| std::fs::write(credentials.join(name), text).unwrap();
        let dir = credentials.to_str().unwrap();
        let s3 = |endpoint: String, region: &str, id: &str, secret: &str| {
            write("accessKeyID", id);
            write("secretAccessKey", secret);
            let flags = [
                which,
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
                vec![which.to_owned(), format!("file://{}", root.path().display())]
            }
            Self::Versitygw(it) => {
                s3(it.endpoint(), Versitygw::REGION, it.access_key(), it.secret_key())
            }
            Self::Minio(it) => s3(it.endpoint(), "us-east-1", it.access_key(), it.secret_key()),
            Self::Azurite(it) => {
                write("connectionString", &it.connection_string());
                [which, "az://bucket/pre", "--credentials-dir", dir].map(str::to_owned).to_vec()
            }
            Self::FakeGcs(it) => {
                vec![
                    which.to_owned(),
                    "gs://bucket/pre".to_owned(),
                    "--gcs-endpoint".to_owned(),
                    it.endpoint(),
                ]
            }
        }
    }

    /// (key, size) of every object, by the server's own means.
    pub fn objects(&self) -> Vec<(String, u64)> {
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

    /// An object's bytes, by the server's own means.
    pub fn read(&self, key: &str) -> Vec<u8> {
        match self {
            Self::File(root) => std::fs::read(root.path().join("ns/etcd").join(key)).unwrap(),
            Self::Versitygw(it) => it.read("bucket", key).unwrap(),
            Self::Minio(it) => it.read("bucket", key).unwrap(),
            Self::Azurite(it) => it.read("bucket", key).unwrap(),
            Self::FakeGcs(it) => it.read("bucket", key).unwrap(),
        }
    }
}
