// SPDX-License-Identifier: Apache-2.0
//! Multipart uploads: parts on their way to one object.
//!
//! An upload belongs to nobody in particular: its parts may come with any number of access keys,
//! as they do when credentials rotate under a long upload.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::CompletedMultipartUpload;
use s3s::{S3Error, S3ErrorCode, S3Result};

use crate::attributes::{Attributes, Checksums, Object, now_secs};
use crate::shelf::{Shelf, Spool};

/// Every part but the last must be at least this large.
const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;

/// One upload that was begun.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) attributes: Attributes,
    pub(crate) parts: BTreeMap<i32, Part>,
}

/// One part that was stored.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) id: String,
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
}

/// All uploads of one store; they do not survive it.
#[derive(Debug)]
pub(crate) struct Uploads {
    shelf: Arc<Shelf>,
    begun: Mutex<HashMap<String, Upload>>,
}

impl Uploads {
    pub(crate) fn new(shelf: Arc<Shelf>) -> Uploads {
        Uploads { shelf, begun: Mutex::default() }
    }

    pub(crate) fn begin(&self, bucket: &str, key: &str, attributes: Attributes) -> String {
        let id = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let upload = Upload { bucket, key, attributes, parts: BTreeMap::new() };
        self.lock().insert(id.clone(), upload);
        id
    }

    pub(crate) fn find(&self, id: &str, bucket: &str, key: &str) -> S3Result<Upload> {
        let upload = self.lock().get(id).cloned();
        upload.filter(|one| one.bucket == bucket && one.key == key).ok_or_else(no_such_upload)
    }

    /// Those of a bucket, with their ids.
    pub(crate) fn of_bucket(&self, bucket: &str) -> Vec<(String, Upload)> {
        let begun = self.lock();
        let of_bucket = begun.iter().filter(|(_, upload)| upload.bucket == bucket);
        of_bucket.map(|(id, upload)| (id.clone(), upload.clone())).collect()
    }

    pub(crate) fn keep_part(
        &self,
        id: &str,
        number: i32,
        spool: Spool,
        part: Part,
    ) -> S3Result<()> {
        if !(1..=10_000).contains(&number) {
            let message = "Part number must be an integer between 1 and 10000, inclusive";
            return Err(S3Error::with_message(S3ErrorCode::InvalidArgument, message));
        }
        let mut begun = self.lock();
        let upload = begun.get_mut(id).ok_or_else(no_such_upload)?;
        spool.keep();
        if let Some(old) = upload.parts.insert(number, part) {
            self.shelf.remove_files(&old.id);
        }
        Ok(())
    }

    pub(crate) fn abort(&self, id: &str) -> S3Result<()> {
        let upload = self.lock().remove(id).ok_or_else(no_such_upload)?;
        upload.parts.values().for_each(|part| self.shelf.remove_files(&part.id));
        Ok(())
    }

    /// Joins the listed parts into a file and says what object it is.
    pub(crate) fn joined(
        &self,
        upload: &Upload,
        listed: CompletedMultipartUpload,
    ) -> S3Result<(Spool, Object)> {
        let parts = chosen(upload, listed)?;
        let mut spool = self.shelf.spool()?;
        let (mut md5, mut size) = (Md5::new(), 0);
        for part in &parts {
            let file = std::fs::File::open(self.shelf.data_path(&part.id));
            size += spool.copy_from(file.map_err(S3Error::internal_error)?)?;
            md5.update(&part.md5);
        }
        let object = Object {
            bucket: upload.bucket.clone(),
            key: upload.key.clone(),
            id: spool.id.clone(),
            size,
            etag: format!("{}-{}", hex::encode(md5.finalize()), parts.len()),
            modified_secs: now_secs(),
            attributes: upload.attributes.clone(),
            checksums: Checksums::default(),
        };
        Ok((spool, object))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The listed parts in order, each with the ETag it was stored under.
fn chosen(upload: &Upload, listed: CompletedMultipartUpload) -> S3Result<Vec<Part>> {
    let listed = listed.parts.unwrap_or_default();
    let mut parts = Vec::with_capacity(listed.len());
    let mut before = 0;
    for one in &listed {
        let number = one.part_number.ok_or(S3ErrorCode::InvalidPart)?;
        if number <= before {
            return Err(S3ErrorCode::InvalidPartOrder.into());
        }
        before = number;
        let part = upload.parts.get(&number).ok_or(S3ErrorCode::InvalidPart)?;
        let right = hex::encode(part.md5);
        if one.e_tag.as_ref().is_some_and(|given| given.value() != right) {
            return Err(S3ErrorCode::InvalidPart.into());
        }
        parts.push(part.clone());
    }
    match parts.split_last() {
        None => Err(S3ErrorCode::MalformedXML.into()),
        Some((_, rest)) if rest.iter().any(|part| part.size < MIN_PART_BYTES) => {
            Err(S3ErrorCode::EntityTooSmall.into())
        }
        Some(_) => Ok(parts),
    }
}

fn no_such_upload() -> S3Error {
    let message = "The specified upload does not exist. The upload ID may be invalid, or the \
                   upload may have been aborted or completed.";
    S3Error::with_message(S3ErrorCode::NoSuchUpload, message)
}
