// SPDX-License-Identifier: Apache-2.0
//! The literal in `x-amz-content-sha256`, which decides on the form of a body.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.

use thiserror::Error;

/// What a request says of its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// 64 lower-case hex digits: the SHA-256 of the body.
    Sha256(String),
    /// The body is not part of the signature.
    Unsigned,
    /// aws-chunked, each chunk signed.
    Chunked,
    /// aws-chunked, each chunk and the trailer signed.
    ChunkedTrailer,
    /// aws-chunked, nothing of the body signed.
    UnsignedTrailer,
    /// aws-chunked, signed by SigV4A.
    EcdsaChunked,
    /// The same with a trailer.
    EcdsaChunkedTrailer,
}

/// A literal that means nothing to S3.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- literal, or a SHA-256 in hex")]
pub struct InvalidPayload;

const LITERALS: [(&str, Payload); 6] = [
    ("UNSIGNED-PAYLOAD", Payload::Unsigned),
    ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", Payload::Chunked),
    ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", Payload::ChunkedTrailer),
    ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", Payload::UnsignedTrailer),
    ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", Payload::EcdsaChunked),
    ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", Payload::EcdsaChunkedTrailer),
];

impl Payload {
    /// Reads a header's value.
    ///
    /// # Errors
    /// [`InvalidPayload`] for any text that S3 does not know.
    pub fn parse(value: &[u8]) -> Result<Self, InvalidPayload> {
        if let Some((_, payload)) = LITERALS.iter().find(|(text, _)| text.as_bytes() == value) {
            return Ok(payload.clone());
        }
        let is_digest = value.len() == 64 && value.iter().all(u8::is_ascii_hexdigit);
        match std::str::from_utf8(value) {
            Ok(text) if is_digest => Ok(Self::Sha256(text.to_owned())),
            _ => Err(InvalidPayload),
        }
    }

    /// The literal, as it is signed.
    #[must_use]
    pub fn literal(&self) -> &str {
        match self {
            Self::Sha256(hex) => hex,
            other => {
                LITERALS.iter().find(|(_, payload)| payload == other).map_or("", |(text, _)| text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_literal_reads_back_as_itself() {
        for (text, payload) in LITERALS {
            assert_eq!(Payload::parse(text.as_bytes()), Ok(payload.clone()));
            assert_eq!(payload.literal(), text);
        }
        assert!(Payload::parse(b"").is_err());
        assert!(Payload::parse(&[b'g'; 64]).is_err());
        assert!(Payload::parse(&[b'a'; 64]).is_ok());
    }
}
