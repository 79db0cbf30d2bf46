// SPDX-License-Identifier: Apache-2.0
//! Servers to stand on, and how each tells what it holds without our help.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use store::{Location, Settings, Store};
use testbed::servers::{Azurite, FakeGcs, Versitygw};
use testbed::{StaticPair, StoreConfig};

/// A store, and the server behind it.
pub(crate) struct Ground {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) server: Server,
    files: tempfile::TempDir,
}

pub(crate) enum Server {
    Memory,
    File(PathBuf),
    S3s(testbed::Store, PathBuf),
    Versitygw(Versitygw),
    Azurite(Azurite),
    FakeGcs(FakeGcs),
}

const BUCKET: &str = "bucket";

impl Ground {
    pub(crate) async fn memory() -> Self {
        let (files, settings) = (tempfile::tempdir().unwrap(), Settings::default());
        Self { store: store::memory(), settings, server: Server::Memory, files }
    }

    pub(crate) async fn file() -> Self {
        let files = tempfile::tempdir().unwrap();
        let root = files.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let url = format!("file://{}", root.display());
        Self::open(&url, Settings::default(), Server::File(root), files)
    }

    pub(crate) async fn s3s() -> Self {
        let files = tempfile::tempdir().unwrap();
        let pair = StaticPair::random();
        let root = files.path().join("root");
        let config = StoreConfig { static_pairs: vec![pair.clone()], ..StoreConfig::new(&root) };
        let server = testbed::Store::start(config).unwrap();
        let mut settings = s3(files.path(), &pair.access_key_id, &pair.secret, "us-east-1");
        settings.s3_endpoint = Some(server.http_url().parse().unwrap());
        Self::open("s3://bucket/pre", settings, Server::S3s(server, root), files)
    }

    pub(crate) async fn versitygw() -> Self {
        let files = tempfile::tempdir().unwrap();
        let server = Versitygw::start().await.unwrap();
        server.create_bucket(BUCKET).unwrap();
        let (id, secret) = (server.access_key(), server.secret_key());
        let mut settings = s3(files.path(), id, secret, Versitygw::REGION);
        settings.s3_endpoint = Some(server.endpoint().parse().unwrap());
        Self::open("s3://bucket/pre", settings, Server::Versitygw(server), files)
    }

    pub(crate) async fn azurite() -> Self {
        let files = tempfile::tempdir().unwrap();
        let server = Azurite::start().await.unwrap();
        server.create_container(BUCKET).unwrap();
        write(files.path(), "connectionString", &server.connection_string());
        let settings =
            Settings { credentials_dir: Some(files.path().to_owned()), ..Settings::default() };
        Self::open("az://bucket/pre", settings, Server::Azurite(server), files)
    }

    pub(crate) async fn fake_gcs() -> Self {
        let files = tempfile::tempdir().unwrap();
        let server = FakeGcs::start().await.unwrap();
        server.create_bucket(BUCKET).unwrap();
        let settings = Settings {
            gcs_endpoint: Some(server.endpoint().parse().unwrap()),
            ..Settings::default()
        };
        Self::open("gs://bucket/pre", settings, Server::FakeGcs(server), files)
    }

    fn open(url: &str, settings: Settings, server: Server, files: tempfile::TempDir) -> Self {
        let store = store::open(&url.parse::<Location>().unwrap(), &settings).unwrap();
        Self { store, settings, server, files }
    }

    /// The same server through another address, with less patience.
    pub(crate) fn through(&self, front: SocketAddr) -> Store {
        self.reopened(|settings| {
            let url = |path: &str| Some(format!("http://{front}{path}").parse().unwrap());
            settings.silence = std::time::Duration::from_secs(1);
            settings.retrying = std::time::Duration::from_secs(3);
            match &self.server {
                Server::S3s(..) | Server::Versitygw(_) => settings.s3_endpoint = url(""),
                Server::Azurite(azurite) => {
                    settings.azure_endpoint = url(&format!("/{}", azurite.account()));
                }
                Server::FakeGcs(_) => settings.gcs_endpoint = url(""),
                Server::Memory | Server::File(_) => panic!("no server"),
            }
        })
    }

    /// The same store under changed settings.
    pub(crate) fn reopened(&self, change: impl FnOnce(&mut Settings)) -> Store {
        let mut settings = self.settings.clone();
        change(&mut settings);
        store::open(self.store.location(), &settings).unwrap()
    }

    /// A place in which credentials that nobody gave out can be put.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.files.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    /// Where the server listens.
    pub(crate) fn addr(&self) -> Option<SocketAddr> {
        match &self.server {
            Server::Memory | Server::File(_) => None,
            Server::S3s(server, _) => Some(server.http_addr()),
            Server::Versitygw(server) => Some(server.addr()),
            Server::Azurite(server) => Some(server.addr()),
            Server::FakeGcs(server) => Some(server.addr()),
        }
    }

    /// Every object, by the server's own means; nothing where it is gone with the process.
    pub(crate) fn objects(&self) -> Option<Vec<(String, u64)>> {
        let told = |objects: Vec<testbed::servers::Object>| {
            objects.into_iter().map(|object| (object.key, object.size)).collect()
        };
        match &self.server {
            Server::Memory => None,
            Server::File(root) => Some(walk(root, root)),
            Server::S3s(_, root) => {
                let of = |(key, path): (String, PathBuf)| (key, path.metadata().unwrap().len());
                Some(shelf(root).into_iter().map(of).collect())
            }
            Server::Versitygw(server) => Some(told(server.objects(BUCKET).unwrap())),
            Server::Azurite(server) => Some(told(server.objects(BUCKET).unwrap())),
            Server::FakeGcs(server) => Some(told(server.objects(BUCKET).unwrap())),
        }
    }

    /// One object's bytes, by the server's own means.
    pub(crate) fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        match &self.server {
            Server::Memory => None,
            Server::File(root) => Some(std::fs::read(root.join(key)).unwrap()),
            Server::S3s(_, root) => {
                let key = format!("pre/{key}");
                let found = shelf(root).into_iter().find(|(name, _)| *name == key);
                found.map(|(_, path)| std::fs::read(path).unwrap())
            }
            Server::Versitygw(server) => Some(server.read(BUCKET, &format!("pre/{key}")).unwrap()),
            Server::Azurite(server) => Some(server.read(BUCKET, &format!("pre/{key}")).unwrap()),
            Server::FakeGcs(server) => Some(server.read(BUCKET, &format!("pre/{key}")).unwrap()),
        }
    }

    /// Parts that no object has, where a store keeps such until they are given up.
    pub(crate) fn parts_left(&self) -> usize {
        match &self.server {
            Server::Versitygw(server) => server.multipart_left(BUCKET).unwrap().len(),
            _ => 0,
        }
    }
}

/// Settings of an S3 store whose pair lies in files.
fn s3(folder: &Path, id: &str, secret: &str, region: &str) -> Settings {
    write(folder, "accessKeyID", id);
    write(folder, "secretAccessKey", secret);
    Settings {
        s3_region: Some(region.to_owned()),
        credentials_dir: Some(folder.to_owned()),
        ..Settings::default()
    }
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

fn walk(root: &Path, folder: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(root, &path));
        } else {
            let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.push((key, path.metadata().unwrap().len()));
        }
    }
    found
}

/// What the testbed's store has on its disk: a document an object, its bytes beside.
fn shelf(root: &Path) -> Vec<(String, PathBuf)> {
    let paths = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let documents = paths.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let key = |path: &PathBuf| {
        let object: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        object["key"].as_str().unwrap().to_owned()
    };
    documents.map(|path| (key(&path), path.with_extension("data"))).collect()
}
