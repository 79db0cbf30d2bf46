// SPDX-License-Identifier: Apache-2.0
//! What came from a source, summed up while it came.

use etcd_image::{Sealed, Trailer};
use snapshot::{Bytes as Sum, Digest};

/// One hash serves two ends: the digest of the content, and, if it is an etcd snapshot, its own proof,
/// which is the hash before its last 32 bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received(Trailer);

impl Received {
    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Size and digest of all that came.
    pub(crate) fn sum(&self) -> Sum {
        Sum { bytes: self.0.bytes(), sha256: Digest(self.0.file_sha256()) }
    }

    /// Whether an etcd snapshot came whole.
    ///
    /// # Errors
    /// Those of [`Trailer::finish`].
    pub(crate) fn sealed(self) -> Result<Sealed, etcd_image::Error> {
        self.0.finish()
    }
}
