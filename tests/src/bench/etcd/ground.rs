// SPDX-License-Identifier: Apache-2.0
//! What stands during the measurements: a filled etcd, an S3 server, a folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use testbed::etcd::{Etcd, Version};
use testbed::servers::Versitygw;
use tokio::runtime::Builder;

use super::held;
use crate::interrupt::Interrupt;

pub(in crate::bench) const BUCKET: &str = "bench";
const MIB: u64 = 1024 * 1024;
/// As a large Secret or a custom resource has.
const VALUE_BYTES: usize = 64 * 1024;
/// Several times what is put.
const QUOTA: &str = "--quota-backend-bytes=8589934592";

pub(in crate::bench) struct Ground {
    pub(in crate::bench) store: Versitygw,
    etcd: Etcd,
    pub(in crate::bench) interrupt: Interrupt,
    folder: TempDir,
}

impl Ground {
    /// Starts both and puts so many MiB of values into etcd.
    pub(in crate::bench) fn lay(mib: u64, interrupt: &Interrupt) -> anyhow::Result<Ground> {
        let folder = tempfile::Builder::new().prefix("pilotfish-bench-").tempdir()?;
        let store = Versitygw::launch(None)?;
        store.create_bucket(BUCKET)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let keys = usize::try_from(mib * MIB)? / VALUE_BYTES;
        let etcd = runtime.block_on(async {
            let etcd = Etcd::builder(Version::V3_6).flags([QUOTA]).start().await?;
            etcd.put_many(keys, VALUE_BYTES).await?;
            anyhow::Ok(etcd)
        })?;
        Ok(Ground { store, etcd, interrupt: interrupt.clone(), folder })
    }

    pub(super) fn endpoint(&self) -> anyhow::Result<String> {
        self.etcd.endpoints().into_iter().next().context("a cluster has a member")
    }

    pub(in crate::bench) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How long each snapshot so far was on its way out of etcd.
    pub(super) fn held(&self) -> anyhow::Result<Vec<Duration>> {
        held::held(&self.etcd.log(0)?)
    }

    /// The last of them.
    pub(super) fn last_held(&self) -> anyhow::Result<Duration> {
        self.held()?.pop().context("etcd's log tells of no snapshot")
    }

    /// Empties the bucket, after a look whether an object of a snapshot's size was there, and gives
    /// nobody the disk's debts of the one before.
    pub(super) fn clear(&self, least_bytes: u64) -> anyhow::Result<()> {
        let objects = self.store.objects(BUCKET)?;
        let is_there = objects.iter().any(|object| object.size >= least_bytes);
        ensure!(is_there, "no snapshot is in the bucket: {objects:?}");
        self.wipe()
    }

    /// Empties the bucket.
    pub(super) fn wipe(&self) -> anyhow::Result<()> {
        std::fs::remove_dir_all(self.store.path(BUCKET, "")).context("the bucket's folder")?;
        self.store.create_bucket(BUCKET)?;
        let synced = Command::new("sync").status().context("sync")?;
        ensure!(synced.success(), "sync ended with {synced}");
        Ok(())
    }
}
