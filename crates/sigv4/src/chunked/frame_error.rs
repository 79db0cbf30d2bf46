// SPDX-License-Identifier: Apache-2.0
//! What can be wrong with frames, and S3's code for it.

use thiserror::Error;

/// A body whose frames are refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// A chunk's size is not 1 to 16 hex digits.
    #[error("a chunk's size is not a hexadecimal number")]
    BadSize,
    /// A line does not end within the bound.
    #[error("a line between chunks is longer than {0} bytes")]
    LineTooLong(usize),
    /// A chunk is larger than the bound.
    #[error("a chunk of {size} bytes is larger than {limit}")]
    ChunkTooLarge {
        /// Announced bytes.
        size: u64,
        /// The bound.
        limit: u64,
    },
    /// What follows a chunk's size is not what the form asks for.
    #[error("a chunk's head must be SIZE;chunk-signature= with 64 hex digits")]
    BadSignatureField,
    /// An unsigned form with something behind a chunk's size.
    #[error("an unsigned chunk's head must be its size alone")]
    UnexpectedExtension,
    /// Data is not followed by CRLF.
    #[error("a chunk's data is not followed by a line end")]
    BadLineEnd,
    /// A chunk was signed by another key, or changed.
    #[error("a chunk's signature does not match")]
    SignatureMismatch,
    /// The trailer was signed by another key, or changed.
    #[error("the trailer's signature does not match")]
    TrailerSignatureMismatch,
    /// The trailer's lines cannot be read.
    #[error("the trailer is malformed: {0}")]
    BadTrailer(&'static str),
    /// The chunks hold more or less than was announced.
    #[error("the body decodes to {seen} bytes, but x-amz-decoded-content-length says {declared}")]
    LengthMismatch {
        /// Announced bytes.
        declared: u64,
        /// Bytes seen or announced by chunks so far.
        seen: u64,
    },
    /// The body ended before its last chunk.
    #[error("the body ended before its last chunk")]
    Truncated,
    /// The body goes on behind its end.
    #[error("bytes follow behind the body's end")]
    BytesAfterEnd,
}

impl FrameError {
    /// The code of S3's error answer.
    #[must_use]
    pub fn s3_code(&self) -> &'static str {
        match self {
            Self::SignatureMismatch | Self::TrailerSignatureMismatch => "SignatureDoesNotMatch",
            Self::ChunkTooLarge { .. } => "InvalidChunkSizeError",
            Self::BadTrailer(_) => "MalformedTrailerError",
            Self::LengthMismatch { .. } | Self::Truncated | Self::BytesAfterEnd => "IncompleteBody",
            Self::BadSize
            | Self::LineTooLong(_)
            | Self::BadSignatureField
            | Self::UnexpectedExtension
            | Self::BadLineEnd => "InvalidRequest",
        }
    }
}
