// SPDX-License-Identifier: Apache-2.0
//! SigV4 for S3: canonical request, sign, verify, aws-chunked framing.
//!
//! Pure: no sockets, no runtime, no clock; time is passed in. S3's rules differ from those of other
//! services: a path is decoded and encoded once, and never normalised
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

mod canonical;
mod chunked;
mod encode;
mod key;
mod payload;
mod presented;
mod sign;
mod time;
mod verify;

pub use chunked::frame_error::FrameError;
pub use chunked::reader::{Check, Event, Framing, Limits, Reader};
pub use chunked::unsigned_writer::UnsignedWriter;
pub use chunked::writer::{Writer, encoded_length_signed, encoded_length_signed_trailer};
pub use encode::{CanonicalPath, Query, decode};
pub use key::{KeyCache, Scope, Signature, SigningKey};
pub use payload::{InvalidPayload, Payload};
pub use presented::{Presented, Refused, presented};
pub use sign::{Identity, Request, Seed, SignError, sign};
pub use time::Timestamp;
pub use verify::{Received, Verified, VerifyError, verify};
