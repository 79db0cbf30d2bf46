// SPDX-License-Identifier: Apache-2.0
//! A real etcd of one member, and its own tool's word on a snapshot.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;
use testbed::etcd::{Etcd, Version};
use tokio::runtime::{Builder, Runtime};

use super::places;
use super::snapshots::Lost;

/// A running etcd; it is killed when it is dropped.
pub(super) struct Cluster {
    etcd: Etcd,
    runtime: Runtime,
}

impl Cluster {
    pub(super) fn start() -> anyhow::Result<Cluster> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let etcd = runtime.block_on(Etcd::member(Version::V3_6))?;
        Ok(Cluster { etcd, runtime })
    }

    /// Puts the first keys, with values that they did not have before.
    pub(super) fn put(&self, keys: usize, value_bytes: usize) -> anyhow::Result<()> {
        self.runtime.block_on(self.etcd.put_many(keys, value_bytes))
    }

    pub(super) fn endpoint(&self) -> anyhow::Result<String> {
        self.etcd.endpoints().into_iter().next().context("a cluster has a member")
    }

    /// Every key and value, as etcdctl prints them.
    pub(super) fn everything(&self) -> anyhow::Result<String> {
        self.runtime.block_on(self.etcd.ctl(&["get", "", "--prefix"]))
    }

    /// Kills etcd and removes its data directory.
    pub(super) fn lose(&self) -> anyhow::Result<Lost> {
        self.etcd.kill(0)?;
        let data_dir = self.etcd.data_dir(0)?;
        std::fs::remove_dir_all(&data_dir)?;
        Ok(Lost {
            name: self.etcd.name(0)?.to_owned(),
            initial_cluster: self.etcd.initial_cluster(),
            data_dir,
            tool: places::etcd()?.with_file_name("etcdutl"),
        })
    }

    /// Starts etcd on what is there now.
    pub(super) fn start_again(&self) -> anyhow::Result<()> {
        self.runtime.block_on(self.etcd.start_all())
    }

    /// What etcdutl says of a snapshot file, held against the manifest.
    pub(super) fn agrees(&self, file: &Path, manifest: &Value) -> anyhow::Result<Agreement> {
        let file = file.display().to_string();
        let status = ["snapshot", "status", &file, "--write-out", "json"];
        let said = self.runtime.block_on(self.etcd.utl(&status))?;
        let said: Value = serde_json::from_str(&said)?;
        let facts = &manifest["facts"]["etcd"];
        let number = |value: &Value| value.as_u64().context("etcdutl's status lacks a number");
        let pairs = [
            ("revision", number(&said["revision"])?, facts["revision"].as_u64()),
            ("keys", number(&said["totalKey"])?, facts["live_keys"].as_u64()),
            ("hash", number(&said["hash"])?, facts["status_hash"].as_u64()),
        ];
        for (name, etcd, ours) in pairs {
            ensure!(ours.is_some(), "the manifest has no {name}");
            if ours != Some(etcd) {
                let verdict = format!("no: {name} {etcd}, in the manifest {ours:?}");
                return Ok(Agreement { verdict, said: said.to_string() });
            }
        }
        Ok(Agreement { verdict: "yes".to_owned(), said: said.to_string() })
    }
}

/// Two witnesses of one snapshot.
pub(super) struct Agreement {
    /// `yes`, or in what they differ.
    pub(super) verdict: String,
    /// etcdutl's own words.
    pub(super) said: String,
}
