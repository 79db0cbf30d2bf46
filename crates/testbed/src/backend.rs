// SPDX-License-Identifier: Apache-2.0
//! The S3 operations that backup tools use, over the [`Shelf`].
//!
//! Not s3s-fs: that one binds a multipart upload to the access key that began it, keeps an object
//! whose digest was wrong, makes paths of keys, and reads files 4 KiB at a time.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use s3s::crypto::Checksum as _;
use s3s::dto::*;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use crate::attributes::{Checksums, Object as Stored, attributes_of, now_secs};
use crate::digest::Claims;
use crate::listing::{self, Query};
use crate::read;
use crate::shelf::Shelf;
use crate::uploads::{Part as StoredPart, Uploads};

/// One store's operations.
pub(crate) struct Backend {
    shelf: Arc<Shelf>,
    uploads: Uploads,
    region: Option<String>,
}

type Answer<T> = S3Result<S3Response<T>>;

fn answer<T>(output: T) -> Answer<T> {
    Ok(S3Response::new(output))
}

impl Backend {
    pub(crate) fn new(shelf: Arc<Shelf>, region: Option<String>) -> Backend {
        Backend { uploads: Uploads::new(Arc::clone(&shelf)), shelf, region }
    }

    /// A copy of an object's bytes, or of a range of them, on its way to a new object.
    fn copied(
        &self,
        source: &CopySource,
        range: Option<Range>,
    ) -> S3Result<(Arc<Stored>, crate::shelf::Spool, [u8; 16], u64)> {
        let CopySource::Bucket { bucket, key, .. } = source else {
            return Err(S3ErrorCode::NotImplemented.into());
        };
        let from = self.shelf.get(bucket, key)?;
        let range = match range {
            Some(range) => range.check(from.size)?,
            None => 0..from.size,
        };
        let mut file = self.shelf.open_bytes(&from)?;
        file.seek(SeekFrom::Start(range.start)).map_err(S3Error::internal_error)?;
        let mut bytes = Vec::new();
        file.take(range.end - range.start)
            .read_to_end(&mut bytes)
            .map_err(S3Error::internal_error)?;
        let mut spool = self.shelf.spool()?;
        spool.write(&bytes)?;
        Ok((from, spool, s3s::crypto::Md5::checksum(&bytes), bytes.len() as u64))
    }

    fn listed(&self, bucket: &str, query: &Query) -> S3Result<listing::Page> {
        self.shelf.with_bucket(bucket, |keys| listing::page(keys, query))
    }
}

/// The fields that GET and HEAD answer alike.
macro_rules! facts {
    ($output:ident, $object:expr, $($more:tt)*) => {{
        let object: &Stored = $object;
        let (attributes, sums) = (&object.attributes, &object.checksums);
        $output {
            accept_ranges: Some("bytes".to_owned()),
            metadata: attributes.metadata_dto(),
            content_encoding: attributes.content_encoding.clone(),
            content_disposition: attributes.content_disposition.clone(),
            content_language: attributes.content_language.clone(),
            cache_control: attributes.cache_control.clone(),
            e_tag: Some(object.e_tag()),
            last_modified: Some(object.modified()),
            checksum_crc32: sums.crc32.clone(),
            checksum_crc32c: sums.crc32c.clone(),
            checksum_crc64nvme: sums.crc64nvme.clone(),
            checksum_sha1: sums.sha1.clone(),
            checksum_sha256: sums.sha256.clone(),
            $($more)*
            ..$output::default()
        }
    }};
}

fn content_type(object: &Stored) -> Option<String> {
    object.attributes.content_type.clone().or_else(|| Some("binary/octet-stream".to_owned()))
}

#[async_trait::async_trait]
impl S3 for Backend {
    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        self.shelf.create_bucket(&req.input.bucket)?;
        let location = Some(format!("/{}", req.input.bucket));
        answer(CreateBucketOutput { location })
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        self.shelf.delete_bucket(&req.input.bucket)?;
        answer(DeleteBucketOutput::default())
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.shelf.with_bucket(&req.input.bucket, |_| ())?;
        let bucket_region = self.region.clone();
        answer(HeadBucketOutput { bucket_region, ..HeadBucketOutput::default() })
    }

    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        let creation_date = Some(Timestamp::from(std::time::UNIX_EPOCH));
        let names = self.shelf.bucket_names().into_iter();
        let bucket = |name| Bucket {
            name: Some(name),
            creation_date: creation_date.clone(),
            ..Bucket::default()
        };
        let buckets = Some(names.map(bucket).collect());
        answer(ListBucketsOutput { buckets, ..ListBucketsOutput::default() })
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        self.shelf.with_bucket(&req.input.bucket, |_| ())?;
        // The oldest region has no name here.
        let region = self.region.clone().filter(|region| region != "us-east-1");
        let location_constraint = region.map(BucketLocationConstraint::from);
        answer(GetBucketLocationOutput { location_constraint })
    }

    async fn get_bucket_versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> Answer<GetBucketVersioningOutput> {
        self.shelf.with_bucket(&req.input.bucket, |_| ())?;
        answer(GetBucketVersioningOutput::default())
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        let input = req.input;
        let max_keys = input.max_keys.unwrap_or(1000).clamp(0, 1000);
        let query = Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().filter(|text| !text.is_empty()),
            after: input.marker.clone().filter(|text| !text.is_empty()),
            max_keys: usize::try_from(max_keys).unwrap_or(0),
        };
        let page = self.listed(&input.bucket, &query)?;
        let encoding = input.encoding_type.as_ref();
        answer(ListObjectsOutput {
            contents: Some(listing::contents(&page, encoding)),
            common_prefixes: Some(listing::common_prefixes(&page, encoding)),
            is_truncated: Some(page.next.is_some()),
            next_marker: page.next.as_deref().map(|next| listing::encoded(next, encoding)),
            delimiter: input.delimiter.map(|text| listing::encoded(&text, encoding)),
            prefix: input.prefix.map(|text| listing::encoded(&text, encoding)),
            marker: input.marker,
            max_keys: Some(max_keys),
            name: Some(input.bucket),
            encoding_type: input.encoding_type,
            ..ListObjectsOutput::default()
        })
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> Answer<ListObjectsV2Output> {
        let input = req.input;
        let max_keys = input.max_keys.unwrap_or(1000).clamp(0, 1000);
        let token = input.continuation_token.as_deref().map(token_key).transpose()?;
        let query = Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().filter(|text| !text.is_empty()),
            after: token.or_else(|| input.start_after.clone().filter(|text| !text.is_empty())),
            max_keys: usize::try_from(max_keys).unwrap_or(0),
        };
        let page = self.listed(&input.bucket, &query)?;
        let encoding = input.encoding_type.as_ref();
        let count = page.objects.len() + page.prefixes.len();
        answer(ListObjectsV2Output {
            contents: Some(listing::contents(&page, encoding)),
            common_prefixes: Some(listing::common_prefixes(&page, encoding)),
            key_count: i32::try_from(count).ok(),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.as_deref().map(hex::encode),
            continuation_token: input.continuation_token,
            delimiter: input.delimiter.map(|text| listing::encoded(&text, encoding)),
            prefix: input.prefix.map(|text| listing::encoded(&text, encoding)),
            start_after: input.start_after.map(|text| listing::encoded(&text, encoding)),
            max_keys: Some(max_keys),
            name: Some(input.bucket),
            encoding_type: input.encoding_type,
            ..ListObjectsV2Output::default()
        })
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = req.input;
        let mut object = self.shelf.get(&input.bucket, &input.key)?;
        let (yes, no) = (input.if_match.as_ref(), input.if_none_match.as_ref());
        read::check(&object, yes, no, input.if_modified_since, input.if_unmodified_since)?;
        let whole = 0..object.size;
        let range = input.range.map(|range| range.check(object.size)).transpose()?;
        let content_range = range.as_ref().map(|range| {
            format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), object.size)
        });
        let body = Some(read::body(
            self.shelf.open_bytes(&object)?,
            range.clone().unwrap_or_else(|| whole.clone()),
        )?);
        if range.is_some() {
            // A part has not the whole's checksum; S3 leaves it out, and botocore would check it.
            std::sync::Arc::make_mut(&mut object).checksums = Checksums::default();
        }
        let range = range.unwrap_or(whole);
        let content_length = i64::try_from(range.end - range.start).ok();
        answer(facts!(GetObjectOutput, &object,
            body,
            content_length,
            content_range,
            content_type: input.response_content_type.or_else(|| content_type(&object)),
        ))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let input = req.input;
        let object = self.shelf.get(&input.bucket, &input.key)?;
        let (yes, no) = (input.if_match.as_ref(), input.if_none_match.as_ref());
        read::check(&object, yes, no, input.if_modified_since, input.if_unmodified_since)?;
        let content_length = i64::try_from(object.size).ok();
        answer(facts!(HeadObjectOutput, &object,
            content_length,
            content_type: content_type(&object),
        ))
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let claims = Claims::new(req.headers, &req.extensions, req.trailing_headers);
        let mut input = req.input;
        self.shelf.with_bucket(&input.bucket, |_| ())?;
        let attributes = attributes_of!(input);
        let mut spool = self.shelf.spool()?;
        let sum = spool.receive(input.body, &claims).await?;
        let object = Stored {
            bucket: input.bucket,
            key: input.key,
            id: spool.id.clone(),
            size: sum.bytes,
            etag: hex::encode(sum.md5),
            modified_secs: now_secs(),
            attributes,
            checksums: sum.checksums,
        };
        let (yes, no) = (input.if_match.as_ref(), input.if_none_match.as_ref());
        let object = self.shelf.put(spool, object, yes, no)?;
        let sums = object.checksums.clone();
        answer(PutObjectOutput {
            e_tag: Some(object.e_tag()),
            checksum_crc32: sums.crc32,
            checksum_crc32c: sums.crc32c,
            checksum_crc64nvme: sums.crc64nvme,
            checksum_sha1: sums.sha1,
            checksum_sha256: sums.sha256,
            ..PutObjectOutput::default()
        })
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let mut input = req.input;
        let (from, spool, md5, size) = self.copied(&input.copy_source, None)?;
        let replace = input.metadata_directive.as_ref();
        let attributes = match replace.is_some_and(|one| one.as_str() == MetadataDirective::REPLACE)
        {
            true => attributes_of!(input),
            false => from.attributes.clone(),
        };
        let object = Stored {
            bucket: input.bucket,
            key: input.key,
            id: spool.id.clone(),
            size,
            etag: hex::encode(md5),
            modified_secs: now_secs(),
            attributes,
            checksums: from.checksums.clone(),
        };
        let object = self.shelf.put(spool, object, None, None)?;
        let result = CopyObjectResult {
            e_tag: Some(object.e_tag()),
            last_modified: Some(object.modified()),
            ..CopyObjectResult::default()
        };
        let copy_object_result = Some(result);
        answer(CopyObjectOutput { copy_object_result, ..CopyObjectOutput::default() })
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        self.shelf.delete(&req.input.bucket, &req.input.key)?;
        answer(DeleteObjectOutput::default())
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> Answer<DeleteObjectsOutput> {
        let input = req.input;
        let mut deleted = Vec::new();
        for object in input.delete.objects {
            self.shelf.delete(&input.bucket, &object.key)?;
            deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() });
        }
        let deleted = (input.delete.quiet != Some(true)).then_some(deleted);
        answer(DeleteObjectsOutput { deleted, ..DeleteObjectsOutput::default() })
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let mut input = req.input;
        self.shelf.with_bucket(&input.bucket, |_| ())?;
        let attributes = attributes_of!(input);
        let upload_id = Some(self.uploads.begin(&input.bucket, &input.key, attributes));
        let (bucket, key) = (Some(input.bucket), Some(input.key));
        let checksum_algorithm = input.checksum_algorithm;
        answer(CreateMultipartUploadOutput {
            bucket,
            key,
            upload_id,
            checksum_algorithm,
            ..CreateMultipartUploadOutput::default()
        })
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let claims = Claims::new(req.headers, &req.extensions, req.trailing_headers);
        let input = req.input;
        self.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
        let mut spool = self.shelf.spool()?;
        let sum = spool.receive(input.body, &claims).await?;
        let part = StoredPart { id: spool.id.clone(), size: sum.bytes, md5: sum.md5 };
        self.uploads.keep_part(&input.upload_id, input.part_number, spool, part)?;
        answer(UploadPartOutput {
            e_tag: Some(ETag::Strong(hex::encode(sum.md5))),
            checksum_crc32: sum.checksums.crc32,
            checksum_crc32c: sum.checksums.crc32c,
            checksum_crc64nvme: sum.checksums.crc64nvme,
            checksum_sha1: sum.checksums.sha1,
            checksum_sha256: sum.checksums.sha256,
            ..UploadPartOutput::default()
        })
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> Answer<UploadPartCopyOutput> {
        let input = req.input;
        self.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
        let range = input.copy_source_range.as_deref().map(Range::parse).transpose();
        let range = range.map_err(|_| S3ErrorCode::InvalidArgument)?;
        let (from, spool, md5, size) = self.copied(&input.copy_source, range)?;
        let part = StoredPart { id: spool.id.clone(), size, md5 };
        self.uploads.keep_part(&input.upload_id, input.part_number, spool, part)?;
        let copy_part_result = Some(CopyPartResult {
            e_tag: Some(ETag::Strong(hex::encode(md5))),
            last_modified: Some(from.modified()),
            ..CopyPartResult::default()
        });
        answer(UploadPartCopyOutput { copy_part_result, ..UploadPartCopyOutput::default() })
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let input = req.input;
        let upload = self.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
        let part = |(number, part): (&i32, &StoredPart)| Part {
            part_number: Some(*number),
            size: i64::try_from(part.size).ok(),
            e_tag: Some(ETag::Strong(hex::encode(part.md5))),
            ..Part::default()
        };
        answer(ListPartsOutput {
            parts: Some(upload.parts.iter().map(part).collect()),
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(false),
            ..ListPartsOutput::default()
        })
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let bucket = req.input.bucket;
        self.shelf.with_bucket(&bucket, |_| ())?;
        let uploads =
            self.uploads.of_bucket(&bucket).into_iter().map(|(id, upload)| MultipartUpload {
                key: Some(upload.key),
                upload_id: Some(id),
                ..MultipartUpload::default()
            });
        let uploads = Some(uploads.collect());
        let (bucket, is_truncated) = (Some(bucket), Some(false));
        answer(ListMultipartUploadsOutput { bucket, uploads, is_truncated, ..Default::default() })
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let input = req.input;
        let upload = self.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
        let listed = input.multipart_upload.ok_or(S3ErrorCode::MalformedXML)?;
        let (spool, object) = self.uploads.joined(&upload, listed)?;
        let (yes, no) = (input.if_match.as_ref(), input.if_none_match.as_ref());
        let object = self.shelf.put(spool, object, yes, no)?;
        self.uploads.abort(&input.upload_id)?;
        answer(CompleteMultipartUploadOutput {
            bucket: Some(object.bucket.clone()),
            key: Some(object.key.clone()),
            e_tag: Some(object.e_tag()),
            ..CompleteMultipartUploadOutput::default()
        })
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let input = req.input;
        self.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
        self.uploads.abort(&input.upload_id)?;
        answer(AbortMultipartUploadOutput::default())
    }
}

/// A continuation token is a key that must survive a URL.
fn token_key(token: &str) -> S3Result<String> {
    let bytes = hex::decode(token).map_err(|_| S3ErrorCode::InvalidArgument)?;
    String::from_utf8(bytes).map_err(|_| S3ErrorCode::InvalidArgument.into())
}
