// SPDX-License-Identifier: Apache-2.0
//! fake-gcs-server: Google Cloud Storage as its users emulate it. Read over its JSON API.
//!
//! <https://cloud.google.com/storage/docs/json_api/v1/objects/list>

use std::net::SocketAddr;

use anyhow::Context;
use serde::Deserialize;

use super::Object;
use super::ask::{Ask, good};
use super::child::{Child, Ready, in_background};
use crate::proc::Running;
use crate::sign::{Slash, encode};
use crate::wire::RawResponse;

/// A running fake-gcs-server; it is killed when it is dropped.
#[derive(Debug)]
pub struct FakeGcs {
    child: Child,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default, rename = "nextPageToken")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    name: String,
    size: String,
}

impl FakeGcs {
    /// Starts one that keeps its objects in memory.
    pub async fn start() -> anyhow::Result<FakeGcs> {
        in_background(FakeGcs::launch).await
    }

    /// Starts one, for tests that are not async.
    pub fn launch() -> anyhow::Result<FakeGcs> {
        let ready = Ready::Answers("/storage/v1/b?project=test");
        let child = Child::start("fake-gcs-server", ready, |spawn, at, _| {
            spawn.args(["-scheme", "http", "-backend", "memory"]).args([
                "-host",
                "127.0.0.1",
                "-port",
                &at.port().to_string(),
            ])
        })?;
        Ok(FakeGcs { child })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.child.at)
    }

    /// Where it listens, for a [`crate::Front`].
    pub fn addr(&self) -> SocketAddr {
        self.child.at
    }

    /// Makes a bucket.
    pub fn create_bucket(&self, name: &str) -> anyhow::Result<()> {
        let bucket = serde_json::json!({ "name": name });
        self.ask(Ask::new("POST", "/storage/v1/b?project=test").json(&bucket)).map(drop)
    }

    /// All objects of a bucket by name.
    pub fn objects(&self, bucket: &str) -> anyhow::Result<Vec<Object>> {
        let mut objects = Vec::new();
        let mut token = String::new();
        loop {
            let answer = self.ask(Ask::new("GET", &format!("/storage/v1/b/{bucket}/o{token}")))?;
            let page: Page = serde_json::from_slice(&answer.body).context("a page of objects")?;
            for Item { name, size } in page.items {
                objects.push(Object { key: name, size: size.parse()? });
            }
            match page.next.filter(|next| !next.is_empty()) {
                Some(next) => token = format!("?pageToken={}", encode(&next, Slash::IsData)),
                None => return Ok(objects),
            }
        }
    }

    /// Puts an object there that another tool might have left.
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let name = encode(key, Slash::IsData);
        let target = format!("/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}");
        self.ask(Ask::new("POST", &target).body(bytes)).map(drop)
    }

    /// An object's bytes.
    pub fn read(&self, bucket: &str, key: &str) -> anyhow::Result<Vec<u8>> {
        let key = encode(key, Slash::IsData);
        Ok(self.ask(Ask::new("GET", &format!("/storage/v1/b/{bucket}/o/{key}?alt=media")))?.body)
    }

    /// Its process, for what it said and used.
    pub fn run(&self) -> &Running {
        self.child.run()
    }

    fn ask(&self, ask: Ask) -> anyhow::Result<RawResponse> {
        good(ask.send(self.child.at)?)
    }
}
