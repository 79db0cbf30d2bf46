// SPDX-License-Identifier: Apache-2.0
//! Reading an object: whether its conditions hold, and its bytes on their way out.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use s3s::dto::{ETagCondition, StreamingBlob, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result};

use crate::attributes::Object;

/// Objects up to this size leave as one piece, so that head and body may share a segment.
const WHOLE_BYTES: u64 = 128 * 1024;
const BLOCK_BYTES: u64 = 256 * 1024;

/// A range of a file as a response's body.
pub(crate) fn body(mut file: File, range: Range<u64>) -> S3Result<StreamingBlob> {
    file.seek(SeekFrom::Start(range.start)).map_err(S3Error::internal_error)?;
    let left = range.end - range.start;
    if left > WHOLE_BYTES {
        return Ok(StreamingBlob::from(s3s::Body::http_body(FileBody { file, left })));
    }
    let bytes = block(&mut file, left).map_err(S3Error::internal_error)?;
    Ok(StreamingBlob::from(s3s::Body::from(bytes)))
}

/// Reads go straight to the page cache, as writes do; see [`crate::shelf::Spool::receive`].
struct FileBody {
    file: File,
    left: u64,
}

fn block(file: &mut File, len: u64) -> io::Result<Bytes> {
    let mut buffer = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_exact(&mut buffer)?;
    Ok(Bytes::from(buffer))
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let len = this.left.min(BLOCK_BYTES);
        this.left -= len;
        Poll::Ready(Some(block(&mut this.file, len).map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// RFC 9110, section 13.2.2: If-Match and If-None-Match outrank the dates.
pub(crate) fn check(
    object: &Object,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
    if_modified: Option<Timestamp>,
    if_unmodified: Option<Timestamp>,
) -> S3Result<()> {
    let same = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == object.etag,
    };
    let stale = match (if_match, if_unmodified) {
        (Some(condition), _) => !same(condition),
        (None, Some(date)) => object.modified() > date,
        (None, None) => false,
    };
    if stale {
        return Err(S3ErrorCode::PreconditionFailed.into());
    }
    let unchanged = match (if_none_match, if_modified) {
        (Some(condition), _) => same(condition),
        (None, Some(date)) => object.modified() <= date,
        (None, None) => false,
    };
    if !unchanged {
        return Ok(());
    }
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    error.set_status_code(StatusCode::NOT_MODIFIED);
    let mut headers = http::HeaderMap::new();
    headers.extend(object.e_tag().to_http_header().ok().map(|etag| (http::header::ETAG, etag)));
    error.set_headers(headers);
    Err(error)
}
