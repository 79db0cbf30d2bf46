// SPDX-License-Identifier: Apache-2.0
//! The chain: each signature covers the one before it.

use std::sync::Arc;

use bytes::Bytes;

use crate::canonical::sha256_hex;
use crate::key::{Signature, SigningKey};
use crate::sign::Seed;

/// SHA-256 of nothing.
const EMPTY_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The last link, and the key that makes the next.
#[derive(Debug)]
pub(crate) struct Chain {
    key: Arc<SigningKey>,
    seed: Seed,
}

impl Chain {
    pub(crate) fn new(key: Arc<SigningKey>, seed: Seed) -> Self {
        Self { key, seed }
    }

    /// The signature of the next chunk, by its digest.
    pub(crate) fn chunk(&mut self, digest: &[u8]) -> Signature {
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{EMPTY_HASH}\n{}",
            self.seed.at.as_str(),
            self.seed.scope,
            self.seed.signature.as_str(),
            hex::encode(digest),
        );
        self.advance(&text)
    }

    /// The signature of the trailer: its names lower case and sorted, each line ended by LF alone.
    pub(crate) fn trailer(&mut self, trailers: &[(String, Bytes)]) -> Signature {
        let mut sorted: Vec<&(String, Bytes)> = trailers.iter().collect();
        sorted.sort();
        let mut lines = Vec::new();
        for (name, value) in sorted {
            lines.extend_from_slice(name.as_bytes());
            lines.push(b':');
            lines.extend_from_slice(value);
            lines.push(b'\n');
        }
        let text = format!(
            "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{}\n{}",
            self.seed.at.as_str(),
            self.seed.scope,
            self.seed.signature.as_str(),
            sha256_hex(&lines),
        );
        self.advance(&text)
    }

    fn advance(&mut self, text: &str) -> Signature {
        self.seed.signature = self.key.sign(text.as_bytes());
        self.seed.signature
    }
}
