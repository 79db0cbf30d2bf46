// SPDX-License-Identifier: Apache-2.0
//! The snapshot stream.

use std::fmt;

use bytes::Bytes;
use tonic::Streaming;

use crate::error::Error;
use crate::messages::SnapshotResponse;

/// An open snapshot stream. While it is open the member holds a read transaction.
pub struct Snapshot {
    endpoint: String,
    stream: Streaming<SnapshotResponse>,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// How many bytes follow this one, by the server's own count: some do not count the digest.
    pub remaining: u64,
    /// The bytes.
    pub bytes: Bytes,
    /// The storage version, from 3.6 on.
    pub version: Option<String>,
}

impl Snapshot {
    pub(crate) fn new(endpoint: String, stream: Streaming<SnapshotResponse>) -> Self {
        Self { endpoint, stream }
    }

    /// The next message; nothing at the clean end of the stream. `remaining` of 0 is not the end: the
    /// digest comes as one more message.
    ///
    /// # Errors
    /// A stream that breaks off.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        match self.stream.message().await {
            Ok(None) => Ok(None),
            Ok(Some(message)) => Ok(Some(Chunk {
                remaining: message.remaining_bytes,
                bytes: message.blob,
                version: Some(message.version).filter(|version| !version.is_empty()),
            })),
            Err(status) => Err(Error::of(&self.endpoint, "Snapshot", &status)),
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
