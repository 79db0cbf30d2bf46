// SPDX-License-Identifier: Apache-2.0
//! A store's folder with a snapshot of kopia's in it: made once, read by all stories.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Context;
use tempfile::TempDir;
use testbed::{Oddities, StaticPair, Store, StoreConfig, Summary, TreeSpec, generate};

use crate::kopia::{Home, REPOSITORY};

/// While a story runs, the others take part in its seed.
static HELD: Mutex<Weak<Seed>> = Mutex::new(Weak::new());

pub(crate) struct Seed {
    folder: TempDir,
    pub(crate) summary: Summary,
    pub(crate) snapshot: String,
    /// Nobody but the control plane tells it.
    pub(crate) password: String,
}

impl Seed {
    /// The one that is there, or a new one.
    pub(crate) fn take(kopia: &Path) -> anyhow::Result<Arc<Seed>> {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seed) = held.upgrade() {
            return Ok(seed);
        }
        let seed = Arc::new(Seed::make(kopia)?);
        *held = Arc::downgrade(&seed);
        Ok(seed)
    }

    /// Many files, so that a restore is many requests.
    fn make(kopia: &Path) -> anyhow::Result<Seed> {
        const SEED: u64 = 17;
        let folder = tempfile::tempdir()?;
        let spec = TreeSpec {
            files: 200,
            total_bytes: 30 << 20,
            large_files: 0,
            oddities: Oddities::None,
        };
        let summary = generate(&folder.path().join("tree"), SEED, spec)?;
        let password: String = std::iter::repeat_with(fastrand::alphanumeric).take(32).collect();
        let mut seed = Seed { folder, summary, snapshot: String::new(), password };
        seed.snapshot = seed.back_up(kopia)?;
        Ok(seed)
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    /// Where the objects lie; a store that only reads shares it.
    pub(crate) fn objects(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// By a pair that is gone with the store that knows it; the snapshot's id.
    fn back_up(&self, kopia: &Path) -> anyhow::Result<String> {
        let pair = StaticPair::random();
        let config = StoreConfig::new(self.objects());
        let store = Store::start(StoreConfig { static_pairs: vec![pair.clone()], ..config })?;
        let home = Home::new(self.folder.path().join("kopia"))?;
        let with = |args: &[&str]| {
            home.of(testbed::Spawn::new(kopia).clean_env())
                .env("KOPIA_PASSWORD", &self.password)
                .env("AWS_ACCESS_KEY_ID", &pair.access_key_id)
                .env("AWS_SECRET_ACCESS_KEY", &pair.secret)
                .args(args)
        };
        let endpoint = store.http_addr().to_string();
        let create = with(&["repository", "create", "s3", "--endpoint", &endpoint]);
        home.run(create.args(REPOSITORY))?;
        let said = home.run(with(&["snapshot", "create", "--json"]).arg(self.tree()))?;
        let said: serde_json::Value = serde_json::from_str(&said)?;
        Ok(said["id"].as_str().context("a snapshot's id")?.to_owned())
    }
}
