// SPDX-License-Identifier: Apache-2.0
//! Where objects lie: a flat folder of numbered files and an index, so that any key is exact.
//!
//! A key is never a path here: `//`, `..`, a trailing slash and `a` beside `a/b` are all plain
//! names. An object appears whole or not at all, and its `.json` file, written last, lets a store
//! that is started again on the same folder find it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use s3s::dto::{ETagCondition, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Result};

use crate::attributes::Object;
use crate::digest::{Claims, Sum, broken_body};

type Bucket = BTreeMap<String, Arc<Object>>;

/// All buckets of one store.
#[derive(Debug)]
pub(crate) struct Shelf {
    root: PathBuf,
    buckets: Mutex<BTreeMap<String, Bucket>>,
    serial: AtomicU64,
    birth: u64,
}

/// A file on its way to being an object; it is removed unless it is kept.
pub(crate) struct Spool {
    path: PathBuf,
    pub(crate) id: String,
    file: File,
    kept: bool,
}

impl Shelf {
    /// Opens a folder and finds the objects that an earlier store left there.
    pub(crate) fn open(root: &Path, buckets: &[String]) -> io::Result<Shelf> {
        std::fs::create_dir_all(root)?;
        let mut found: BTreeMap<String, Bucket> = BTreeMap::new();
        for entry in std::fs::read_dir(root)? {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind == "json") {
                let object: Object = serde_json::from_slice(&std::fs::read(&path)?)?;
                let bucket = found.entry(object.bucket.clone()).or_default();
                bucket.insert(object.key.clone(), Arc::new(object));
            }
        }
        for name in buckets {
            found.entry(name.clone()).or_default();
        }
        let birth = fastrand::u64(..);
        let serial = AtomicU64::new(0);
        Ok(Shelf { root: root.to_owned(), buckets: Mutex::new(found), serial, birth })
    }

    pub(crate) fn create_bucket(&self, name: &str) -> S3Result<()> {
        let mut buckets = self.lock();
        if buckets.contains_key(name) {
            return Err(S3ErrorCode::BucketAlreadyOwnedByYou.into());
        }
        buckets.insert(name.to_owned(), Bucket::new());
        Ok(())
    }

    pub(crate) fn delete_bucket(&self, name: &str) -> S3Result<()> {
        let mut buckets = self.lock();
        match buckets.get(name) {
            None => Err(S3ErrorCode::NoSuchBucket.into()),
            Some(bucket) if !bucket.is_empty() => Err(S3ErrorCode::BucketNotEmpty.into()),
            Some(_) => {
                buckets.remove(name);
                Ok(())
            }
        }
    }

    pub(crate) fn bucket_names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Works on a bucket's sorted objects while nobody changes them.
    pub(crate) fn with_bucket<T>(&self, name: &str, work: impl Fn(&Bucket) -> T) -> S3Result<T> {
        self.lock().get(name).map(work).ok_or_else(|| S3ErrorCode::NoSuchBucket.into())
    }

    pub(crate) fn get(&self, bucket: &str, key: &str) -> S3Result<Arc<Object>> {
        self.with_bucket(bucket, |bucket| bucket.get(key).cloned())?.ok_or_else(|| {
            S3Error::with_message(S3ErrorCode::NoSuchKey, "The specified key does not exist.")
        })
    }

    pub(crate) fn open_bytes(&self, object: &Object) -> S3Result<File> {
        File::open(self.data_path(&object.id)).map_err(S3Error::internal_error)
    }

    /// Makes the object visible, or says why its condition does not hold.
    pub(crate) fn put(
        &self,
        spool: Spool,
        object: Object,
        if_match: Option<&ETagCondition>,
        if_none_match: Option<&ETagCondition>,
    ) -> S3Result<Arc<Object>> {
        let mut buckets = self.lock();
        let bucket = buckets.get_mut(&object.bucket).ok_or(S3ErrorCode::NoSuchBucket)?;
        let old = bucket.get(&object.key);
        check_write(old.map(Arc::as_ref), if_match, if_none_match)?;
        let text = serde_json::to_vec(&object).map_err(S3Error::internal_error)?;
        std::fs::write(self.index_path(&object.id), text).map_err(S3Error::internal_error)?;
        spool.keep();
        let object = Arc::new(object);
        if let Some(old) = bucket.insert(object.key.clone(), Arc::clone(&object)) {
            self.remove_files(&old.id);
        }
        Ok(object)
    }

    /// Removing what is not there is a success, as in S3.
    pub(crate) fn delete(&self, bucket: &str, key: &str) -> S3Result<()> {
        let mut buckets = self.lock();
        let bucket = buckets.get_mut(bucket).ok_or(S3ErrorCode::NoSuchBucket)?;
        if let Some(old) = bucket.remove(key) {
            self.remove_files(&old.id);
        }
        Ok(())
    }

    pub(crate) fn spool(&self) -> S3Result<Spool> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}-{serial:08x}", self.birth);
        let path = self.data_path(&id);
        let file = File::create(&path).map_err(S3Error::internal_error)?;
        Ok(Spool { path, id, file, kept: false })
    }

    pub(crate) fn remove_files(&self, id: &str) {
        // The index first: data without an index is no object.
        std::fs::remove_file(self.index_path(id)).ok();
        std::fs::remove_file(self.data_path(id)).ok();
    }

    pub(crate) fn data_path(&self, id: &str) -> PathBuf {
        self.root.join(format!("{id}.data"))
    }

    fn index_path(&self, id: &str) -> PathBuf {
        self.root.join(format!("{id}.json"))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spool {
    /// Takes a whole body in; nothing is kept of one that breaks or belies its claims.
    ///
    /// Writes go straight to the page cache: a hop to another thread per frame costs more.
    pub(crate) async fn receive(
        &mut self,
        body: Option<StreamingBlob>,
        claims: &Claims,
    ) -> S3Result<Sum> {
        let mut digest = claims.digest();
        if let Some(mut body) = body {
            while let Some(frame) = body.next().await {
                let data = frame.map_err(|error| broken_body(&error))?;
                digest.update(&data);
                self.write(&data)?;
            }
        }
        claims.check(digest)
    }

    pub(crate) fn write(&mut self, data: &[u8]) -> S3Result<()> {
        self.file.write_all(data).map_err(S3Error::internal_error)
    }

    pub(crate) fn copy_from(&mut self, mut from: impl io::Read) -> S3Result<u64> {
        io::copy(&mut from, &mut self.file).map_err(S3Error::internal_error)
    }

    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if !self.kept {
            std::fs::remove_file(&self.path).ok();
        }
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
fn check_write(
    old: Option<&Object>,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let failed = || {
        let message = "At least one of the pre-conditions you specified did not hold";
        S3Error::with_message(S3ErrorCode::PreconditionFailed, message)
    };
    if if_none_match.is_some() && old.is_some() {
        return Err(failed());
    }
    match (if_match, old) {
        (None, _) | (Some(ETagCondition::Any), Some(_)) => Ok(()),
        (Some(ETagCondition::ETag(wanted)), Some(old)) if wanted.strong_cmp(&old.e_tag()) => Ok(()),
        (Some(_), None) => Err(S3ErrorCode::NoSuchKey.into()),
        (Some(_), Some(_)) => Err(failed()),
    }
}
