// SPDX-License-Identifier: Apache-2.0
//! aws-chunked: frames that carry a body and, signed, a chain of signatures.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html> and, for trailers,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>.

mod chain;
pub(crate) mod frame_error;
mod line;
pub(crate) mod reader;
pub(crate) mod unsigned_writer;
pub(crate) mod writer;
