// SPDX-License-Identifier: Apache-2.0
//! versitygw over a folder: a strict S3 server whose objects are plain files.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Object;
use super::child::{Child, Ready, in_background};
use crate::ca::Ca;
use crate::proc::{Running, Spawn};

const ACCESS_KEY: &str = "versitygw-root";
const SECRET_KEY: &str = "versitygw-secret-0123456789";
/// Where the posix backend keeps what is not an object yet, in each bucket.
const WORKPLACE: &str = ".sgwtmp";

/// A running versitygw; it is killed when it is dropped.
#[derive(Debug)]
pub struct Versitygw {
    child: Child,
    buckets: tempfile::TempDir,
    scheme: &'static str,
}

impl Versitygw {
    /// The only region that it takes in a signature.
    pub const REGION: &'static str = "ap-southeast-2";

    /// Starts one without TLS.
    pub async fn start() -> anyhow::Result<Versitygw> {
        in_background(|| Versitygw::launch(None)).await
    }

    /// Starts one, over TLS where there is an authority; for tests that are not async.
    pub fn launch(tls: Option<&Ca>) -> anyhow::Result<Versitygw> {
        let files = tempfile::Builder::new().prefix("testbed-tls-").tempdir()?;
        let pair = tls.map(|ca| ca.server_files(files.path())).transpose()?;
        let ready = if pair.is_some() { Ready::Listens } else { Ready::Answers("/") };
        let buckets = tempfile::Builder::new().prefix("testbed-buckets-").tempdir()?;
        let child = Child::start("versitygw", ready, |spawn, at, _| {
            let spawn = spawn
                .args(["--access", ACCESS_KEY, "--secret", SECRET_KEY, "--keep-alive"])
                .args(["--region", Versitygw::REGION, "--port", &at.to_string()]);
            told_tls(spawn, pair.as_ref()).arg("posix").arg(buckets.path())
        })?;
        Ok(Versitygw { child, buckets, scheme: if tls.is_some() { "https" } else { "http" } })
    }

    /// `http://127.0.0.1:PORT`, or `https://localhost:PORT`.
    pub fn endpoint(&self) -> String {
        match self.scheme {
            "https" => format!("https://localhost:{}", self.child.at.port()),
            scheme => format!("{scheme}://{}", self.child.at),
        }
    }

    /// Where it listens, for a [`crate::Front`].
    pub fn addr(&self) -> std::net::SocketAddr {
        self.child.at
    }

    /// The root account's access key id.
    pub fn access_key(&self) -> &'static str {
        ACCESS_KEY
    }

    /// The root account's secret.
    pub fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// Makes a bucket, which is a folder.
    pub fn create_bucket(&self, name: &str) -> anyhow::Result<()> {
        Ok(std::fs::create_dir_all(self.bucket(name))?)
    }

    /// All objects of a bucket by key, from its disk.
    pub fn objects(&self, bucket: &str) -> anyhow::Result<Vec<Object>> {
        let root = self.bucket(bucket);
        let mut objects = Vec::new();
        for (key, path) in files_below(&root).with_context(|| format!("bucket {bucket}"))? {
            if !key.starts_with(WORKPLACE) {
                objects.push(Object { key, size: path.metadata()?.len() });
            }
        }
        Ok(objects)
    }

    /// Puts an object there that another tool might have left, on its disk.
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path(bucket, key);
        std::fs::create_dir_all(path.parent().context("an object lies in its bucket")?)?;
        Ok(std::fs::write(path, bytes)?)
    }

    /// An object's bytes, from its disk.
    pub fn read(&self, bucket: &str, key: &str) -> anyhow::Result<Vec<u8>> {
        let path = self.path(bucket, key);
        std::fs::read(&path).with_context(|| format!("object {key} in bucket {bucket}"))
    }

    /// The file that is an object, for sizes that no memory takes.
    pub fn path(&self, bucket: &str, key: &str) -> PathBuf {
        self.bucket(bucket).join(key)
    }

    /// What is left of uploads that were neither completed nor aborted, as
    /// `<hash of the key>/<upload id>/<part>`, from its disk; a session without parts counts too.
    pub fn multipart_left(&self, bucket: &str) -> anyhow::Result<Vec<String>> {
        let sessions = self.bucket(bucket).join(WORKPLACE).join("multipart");
        let mut left = Vec::new();
        for key in entries(&sessions)? {
            for upload in entries(&key)? {
                let parts = files_below(&upload)?;
                let id = upload.strip_prefix(&sessions)?.display().to_string();
                left.extend(parts.iter().map(|(part, _)| format!("{id}/{part}")));
                if parts.is_empty() {
                    left.push(id);
                }
            }
        }
        left.sort();
        Ok(left)
    }

    /// Its process, for what it said and used.
    pub fn run(&self) -> &Running {
        self.child.run()
    }

    fn bucket(&self, name: &str) -> PathBuf {
        self.buckets.path().join(name)
    }
}

fn told_tls(spawn: Spawn, pair: Option<&(PathBuf, PathBuf)>) -> Spawn {
    match pair {
        None => spawn,
        Some((certificate, key)) => spawn.arg("--cert").arg(certificate).arg("--key").arg(key),
    }
}

/// The folders and files right in a folder; none if it is not there.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        found => found?.map(|entry| Ok(entry?.path())).collect(),
    }
}

/// All files below a folder with their slash-separated names, sorted by name.
fn files_below(root: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).map_err(io::Error::other)?;
                found.push((name.to_string_lossy().into_owned(), path.clone()));
            }
        }
    }
    found.sort();
    Ok(found)
}
