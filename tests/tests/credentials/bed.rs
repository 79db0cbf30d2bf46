// SPDX-License-Identifier: Apache-2.0
//! The store, over TLS, with a repository of kopia's in it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use testbed::{
    Ca, Front, FrontConfig, Oddities, StaticPair, Store, StoreConfig, TreeSpec, generate,
};

use crate::kopia::{Kopia, Repository};

pub(crate) const REGION: &str = "us-east-1";
pub(crate) const BUCKET: &str = "bucket";

/// What all rows share.
pub(crate) struct Bed {
    pub(crate) store: Store,
    pub(crate) ca: Ca,
    pair: StaticPair,
    folder: TempDir,
}

impl Bed {
    pub(crate) fn open() -> anyhow::Result<Bed> {
        let folder = tempfile::tempdir()?;
        let (ca, pair) = (Ca::new()?, StaticPair::random());
        let store = Store::start(StoreConfig {
            tls: Some(&ca),
            static_pairs: vec![pair.clone()],
            ..StoreConfig::new(folder.path().join("store"))
        })?;
        Ok(Bed { store, ca, pair, folder })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Kopia beside the store, with a pair that never dies.
    pub(crate) fn direct(&self, program: &Path) -> anyhow::Result<Kopia> {
        let endpoint = self.store.http_addr().to_string();
        let StaticPair { access_key_id, secret, .. } = self.pair.clone();
        Kopia::new(program, self.path("direct"), Repository { endpoint, access_key_id, secret })
    }

    /// A front before the store, with TLS on both sides.
    pub(crate) fn front(&self) -> anyhow::Result<Front> {
        let ca = Some(&self.ca);
        let config =
            FrontConfig { tls: ca, upstream_tls: ca, ..FrontConfig::new(self.store.addr()) };
        Front::start(config)
    }

    /// Many files, so that a restore is many requests.
    pub(crate) fn tree(&self, files: usize, total_bytes: u64) -> anyhow::Result<PathBuf> {
        const SEED: u64 = 11;
        let path = self.path("tree");
        let spec = TreeSpec { files, total_bytes, large_files: 0, oddities: Oddities::None };
        generate(&path, SEED, spec)?;
        Ok(path)
    }
}
