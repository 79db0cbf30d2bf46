// SPDX-License-Identifier: Apache-2.0
//! A bucket of a strict S3 server, behind a front that makes things go wrong.

use std::path::PathBuf;

use tempfile::TempDir;
use testbed::servers::Versitygw;
use testbed::{FaultPlan, Front, FrontConfig};

use crate::sample::Sample;

/// The bucket's name.
pub const BUCKET: &str = "bucket";
/// The prefix that snapshots lie below.
pub const PREFIX: &str = "pre";

/// A bucket that lies on a disk, and the way to it.
pub struct Bucket {
    /// The server.
    pub server: Versitygw,
    /// What runs go through.
    pub front: Front,
    files: TempDir,
}

impl Bucket {
    /// An empty one, without faults.
    pub fn new() -> Self {
        let server = Versitygw::launch(None).unwrap();
        server.create_bucket(BUCKET).unwrap();
        let front = Front::start(FrontConfig::new(server.addr())).unwrap();
        let files = tempfile::tempdir().unwrap();
        std::fs::write(files.path().join("accessKeyID"), server.access_key()).unwrap();
        std::fs::write(files.path().join("secretAccessKey"), server.secret_key()).unwrap();
        Self { server, front, files }
    }

    /// One that holds these snapshots.
    pub fn with(samples: &[&Sample]) -> Self {
        let bucket = Self::new();
        samples.iter().for_each(|sample| bucket.put(sample));
        bucket
    }

    /// What goes wrong from now on.
    pub fn fault(&self, plan: FaultPlan) {
        self.front.plan(plan);
    }

    /// The URL of the prefix.
    pub fn url(&self) -> String {
        format!("s3://{BUCKET}/{PREFIX}")
    }

    /// The flags of a run that goes through the front and has little patience.
    pub fn flags(&self) -> Vec<String> {
        let mut flags = vec!["--s3-endpoint".to_owned(), self.front.url()];
        for (flag, value) in [
            ("--s3-region", Versitygw::REGION),
            ("--store-timeout", "2s"),
            ("--retry-timeout", "4s"),
            ("--credentials-dir", &self.files.path().display().to_string()),
        ] {
            flags.extend([flag.to_owned(), value.to_owned()]);
        }
        flags
    }

    /// Lays a snapshot down.
    pub fn put(&self, sample: &Sample) {
        sample.objects().iter().for_each(|(key, bytes)| self.write(key, bytes));
    }

    /// Lays anything down, below the prefix.
    pub fn write(&self, key: &str, bytes: impl AsRef<[u8]>) {
        self.server.put(BUCKET, &format!("{PREFIX}/{key}"), bytes.as_ref()).unwrap();
    }

    /// Where the bytes of a key below the prefix lie.
    pub fn path(&self, key: &str) -> PathBuf {
        self.server.path(BUCKET, &format!("{PREFIX}/{key}"))
    }

    /// Whether a key below the prefix is there.
    pub fn has(&self, key: &str) -> bool {
        self.path(key).exists()
    }

    /// Makes an object look so many hours old.
    pub fn age(&self, key: &str, hours: u64) {
        crate::disk::age(&self.path(key), hours);
    }

    /// All keys below the prefix.
    pub fn keys(&self) -> Vec<String> {
        let below = |key: String| key.strip_prefix(&format!("{PREFIX}/")).unwrap().to_owned();
        self.server.objects(BUCKET).unwrap().into_iter().map(|object| below(object.key)).collect()
    }
}

impl Default for Bucket {
    fn default() -> Self {
        Self::new()
    }
}
