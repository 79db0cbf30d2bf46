// SPDX-License-Identifier: Apache-2.0
//! Bodies that are read whole: small ones, which can then be sent again, and refused ones.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use super::BoxError;

/// A body up to this size is held, so that a request can be sent again with fresh credentials.
pub(crate) const SMALL_BODY: u64 = 64 * 1024;

/// How much of a refused body is read, so that the caller sees the answer and not a reset.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Reads a whole body; `None` if it is larger than `limit` bytes.
pub(crate) async fn collect<B>(body: B, limit: usize) -> Result<Option<Bytes>, BoxError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(Some(collected.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the caller's connection can serve another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drained {
    Whole,
    Partly,
}

/// Reads and forgets the rest of a body, within bounds.
pub(crate) async fn drain(mut body: Incoming) -> Drained {
    let read = async {
        let mut seen = 0;
        while seen < DRAIN_BYTES {
            match body.frame().await {
                Some(Ok(frame)) => seen += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) => return Drained::Partly,
                None => return Drained::Whole,
            }
        }
        Drained::Partly
    };
    tokio::time::timeout(DRAIN_TIME, read).await.unwrap_or(Drained::Partly)
}
