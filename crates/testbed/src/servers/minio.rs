// SPDX-License-Identifier: Apache-2.0
//! MinIO: a second opinion on S3. Small objects lie inside its own metadata files, so they are read
//! by signed requests that are made here; leftovers of uploads are looked for on its disk.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Object;
use super::ask::{Ask, good};
use super::child::{Child, Ready, in_background};
use super::xml::{self, Dialect};
use crate::proc::Running;
use crate::sign::{Slash, encode, s3};
use crate::wire::RawResponse;

const ACCESS_KEY: &str = "minio-root";
const SECRET_KEY: &str = "minio-secret-0123456789";

const LISTING: Dialect =
    Dialect { item: "Contents", key: "Key", size: "Size", next: "NextContinuationToken" };

/// A running MinIO; it is killed when it is dropped.
#[derive(Debug)]
pub struct Minio {
    child: Child,
}

impl Minio {
    /// The region that it signs for.
    pub const REGION: &'static str = "us-east-1";

    /// Starts one with a single drive.
    pub async fn start() -> anyhow::Result<Minio> {
        in_background(Minio::launch).await
    }

    /// Starts one, for tests that are not async.
    pub fn launch() -> anyhow::Result<Minio> {
        // Its health pages are green before it takes requests, which it answers with 503 until then.
        let child =
            Child::start("minio", Ready::Answers("/a-bucket/a-key"), |spawn, at, folder| {
                spawn
                    .env("MINIO_ROOT_USER", ACCESS_KEY)
                    .env("MINIO_ROOT_PASSWORD", SECRET_KEY)
                    .envs([("MINIO_BROWSER", "off"), ("MINIO_UPDATE", "off")])
                    .args(["server", "--address", &at.to_string()])
                    .arg(folder.join("drive"))
            })?;
        Ok(Minio { child })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.child.at)
    }

    /// Where it listens, for a [`crate::Front`].
    pub fn addr(&self) -> SocketAddr {
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

    /// Makes a bucket.
    pub fn create_bucket(&self, name: &str) -> anyhow::Result<()> {
        self.ask(Ask::new("PUT", &format!("/{name}"))).map(drop)
    }

    /// All objects of a bucket by key.
    pub fn objects(&self, bucket: &str) -> anyhow::Result<Vec<Object>> {
        let mut objects = Vec::new();
        let mut token = String::new();
        loop {
            let target = format!("/{bucket}?list-type=2{token}");
            let page = xml::page(&self.ask(Ask::new("GET", &target))?.text(), LISTING)?;
            objects.extend(page.objects);
            match page.next {
                Some(next) => {
                    token = format!("&continuation-token={}", encode(&next, Slash::IsData));
                }
                None => return Ok(objects),
            }
        }
    }

    /// Puts an object there that another tool might have left.
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let target = format!("/{bucket}/{}", encode(key, Slash::Separates));
        self.ask(Ask::new("PUT", &target).body(bytes)).map(drop)
    }

    /// An object's bytes.
    pub fn read(&self, bucket: &str, key: &str) -> anyhow::Result<Vec<u8>> {
        let key = encode(key, Slash::Separates);
        Ok(self.ask(Ask::new("GET", &format!("/{bucket}/{key}")))?.body)
    }

    /// The upload sessions of all buckets that were neither completed nor aborted, from its disk.
    pub fn multipart_left(&self) -> anyhow::Result<Vec<PathBuf>> {
        let sessions = self.child.folder.path().join("drive/.minio.sys/multipart");
        let mut left = Vec::new();
        for key in std::fs::read_dir(sessions)? {
            for session in std::fs::read_dir(key?.path())? {
                left.push(session?.path());
            }
        }
        Ok(left)
    }

    /// Its process, for what it said and used.
    pub fn run(&self) -> &Running {
        self.child.run()
    }

    fn ask(&self, ask: Ask) -> anyhow::Result<RawResponse> {
        let signer =
            s3::Signer { access_key: ACCESS_KEY, secret: SECRET_KEY, region: Minio::REGION };
        good(ask.send_signed(self.child.at, |head| {
            signer.sign(head);
            Ok(())
        })?)
    }
}
