// SPDX-License-Identifier: Apache-2.0
//! Azurite: Azure's blob storage, as its makers emulate it. Read over its REST API.
//!
//! <https://learn.microsoft.com/en-us/rest/api/storageservices/list-blobs>

use std::net::SocketAddr;

use super::Object;
use super::ask::{Ask, good};
use super::child::{Child, Ready, in_background};
use super::xml::{self, Dialect};
use crate::proc::Running;
use crate::sign::{Slash, azure, encode};
use crate::wire::RawResponse;

/// The account and the key that every Azurite has; they are published and open nothing else.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

const LISTING: Dialect =
    Dialect { item: "Blob", key: "Name", size: "Content-Length", next: "NextMarker" };

/// A running Azurite; it is killed when it is dropped.
#[derive(Debug)]
pub struct Azurite {
    child: Child,
}

impl Azurite {
    /// Starts one.
    pub async fn start() -> anyhow::Result<Azurite> {
        in_background(Azurite::launch).await
    }

    /// Starts one, for tests that are not async.
    pub fn launch() -> anyhow::Result<Azurite> {
        let ready = Ready::Answers("/devstoreaccount1?comp=list");
        let child = Child::start("azurite", ready, |spawn, at, folder| {
            spawn
                .args(["--blobHost", "127.0.0.1", "--blobPort", &at.port().to_string()])
                .args(["--skipApiVersionCheck", "--disableTelemetry", "--location"])
                .arg(folder)
        })?;
        Ok(Azurite { child })
    }

    /// `http://127.0.0.1:PORT/devstoreaccount1`.
    pub fn endpoint(&self) -> String {
        format!("http://{}/{ACCOUNT}", self.child.at)
    }

    /// Where it listens, for a [`crate::Front`].
    pub fn addr(&self) -> SocketAddr {
        self.child.at
    }

    /// The account's name.
    pub fn account(&self) -> &'static str {
        ACCOUNT
    }

    /// The account's key, in base64.
    pub fn key(&self) -> &'static str {
        KEY
    }

    /// All of it as Azure's connection strings say it.
    pub fn connection_string(&self) -> String {
        format!(
            "DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};\
             BlobEndpoint={};",
            self.endpoint()
        )
    }

    /// Makes a container; Azure wants its name to have three characters.
    pub fn create_container(&self, name: &str) -> anyhow::Result<()> {
        self.ask(Ask::new("PUT", &format!("/{ACCOUNT}/{name}?restype=container"))).map(drop)
    }

    /// All blobs of a container by name.
    pub fn objects(&self, container: &str) -> anyhow::Result<Vec<Object>> {
        self.list(container, "")
    }

    /// The names of blobs that have staged blocks and were never committed.
    pub fn uncommitted(&self, container: &str) -> anyhow::Result<Vec<String>> {
        let committed = self.objects(container)?;
        let all = self.list(container, "&include=uncommittedblobs")?;
        let names = all.into_iter().map(|blob| blob.key);
        Ok(names.filter(|name| committed.iter().all(|blob| blob.key != *name)).collect())
    }

    /// Puts a blob there that another tool might have left.
    pub fn put(&self, container: &str, key: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let ask = Ask::new("PUT", &blob(container, key)).header("x-ms-blob-type", "BlockBlob");
        self.ask(ask.body(bytes)).map(drop)
    }

    /// Puts a blob where none may be yet, at the server itself or at a [`crate::Front`] before it.
    pub fn create_at(
        &self,
        at: SocketAddr,
        container: &str,
        key: &str,
        bytes: &[u8],
    ) -> anyhow::Result<()> {
        let ask = Ask::new("PUT", &blob(container, key)).header("x-ms-blob-type", "BlockBlob");
        let ask = ask.header("If-None-Match", "*").body(bytes);
        good(ask.send_signed(at, |head| azure::sign(head, ACCOUNT, KEY))?).map(drop)
    }

    /// Stages one block (its id in base64) of a blob, as an upload does that is killed before its end.
    pub fn stage_block(
        &self,
        container: &str,
        key: &str,
        id: &str,
        bytes: &[u8],
    ) -> anyhow::Result<()> {
        let id = encode(id, Slash::IsData);
        let target = format!("{}?comp=block&blockid={id}", blob(container, key));
        self.ask(Ask::new("PUT", &target).body(bytes)).map(drop)
    }

    /// A blob's bytes.
    pub fn read(&self, container: &str, key: &str) -> anyhow::Result<Vec<u8>> {
        Ok(self.ask(Ask::new("GET", &blob(container, key)))?.body)
    }

    /// Its process, for what it said and used.
    pub fn run(&self) -> &Running {
        self.child.run()
    }

    fn list(&self, container: &str, more: &str) -> anyhow::Result<Vec<Object>> {
        let mut objects = Vec::new();
        let mut marker = String::new();
        loop {
            let target =
                format!("/{ACCOUNT}/{container}?restype=container&comp=list{more}{marker}");
            let page = xml::page(&self.ask(Ask::new("GET", &target))?.text(), LISTING)?;
            objects.extend(page.objects);
            match page.next {
                Some(next) => marker = format!("&marker={}", encode(&next, Slash::IsData)),
                None => return Ok(objects),
            }
        }
    }

    fn ask(&self, ask: Ask) -> anyhow::Result<RawResponse> {
        good(ask.send_signed(self.child.at, |head| azure::sign(head, ACCOUNT, KEY))?)
    }
}

fn blob(container: &str, key: &str) -> String {
    format!("/{ACCOUNT}/{container}/{}", encode(key, Slash::Separates))
}
