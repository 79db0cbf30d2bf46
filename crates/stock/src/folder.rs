// SPDX-License-Identifier: Apache-2.0
//! A folder as a store.

use std::collections::BTreeMap;
use std::path::PathBuf;

use snapshot::Digest;
use tempfile::TempDir;

use crate::disk;
use crate::sample::Sample;

/// A folder that is a store; it goes when it is dropped.
pub struct Folder {
    root: TempDir,
}

impl Folder {
    /// An empty one.
    pub fn new() -> Self {
        Self { root: tempfile::Builder::new().prefix("stock-").tempdir().unwrap() }
    }

    /// One that holds these snapshots, each as old on disk as it is.
    pub fn with(samples: &[&Sample]) -> Self {
        let folder = Self::new();
        samples.iter().for_each(|sample| folder.put(sample));
        folder
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("file://{}", self.root.path().display())
    }

    /// Where a key's bytes lie.
    pub fn path(&self, key: &str) -> PathBuf {
        self.root.path().join(key.trim_start_matches('/'))
    }

    /// Lays a snapshot down.
    pub fn put(&self, sample: &Sample) {
        sample.objects().iter().for_each(|(key, bytes)| self.write(key, bytes));
    }

    /// Lays anything down.
    pub fn write(&self, key: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Lays a file down that looks so many hours old.
    pub fn write_old(&self, key: &str, bytes: impl AsRef<[u8]>, hours: u64) {
        self.write(key, bytes);
        disk::age(&self.path(key), hours);
    }

    /// Takes a file away.
    pub fn remove(&self, key: &str) {
        std::fs::remove_file(self.path(key)).unwrap();
    }

    /// Whether a file is there.
    pub fn has(&self, key: &str) -> bool {
        self.path(key).exists()
    }

    /// Whether a snapshot is there, data and manifest, or nothing of it.
    ///
    /// # Panics
    /// If half of it is there.
    pub fn has_whole(&self, sample: &Sample) -> bool {
        let (data, manifest) = (self.has(&sample.data_key()), self.has(&sample.manifest_key()));
        assert_eq!(data, manifest, "half of {} is there", sample.id());
        data
    }

    /// All files and their digests.
    pub fn tree(&self) -> BTreeMap<String, Digest> {
        let files = disk::files(self.root.path()).into_iter();
        files.map(|(key, path)| (key, Digest::of(&std::fs::read(path).unwrap()))).collect()
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}
