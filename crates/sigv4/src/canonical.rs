// SPDX-License-Identifier: Apache-2.0
//! The canonical request and the string to sign, over header values as bytes.

use aws_lc_rs::digest::{Context, SHA256};
use http::{HeaderMap, Method};

use crate::encode::CanonicalPath;
use crate::key::Scope;
use crate::time::Timestamp;

/// The name of the algorithm in every string to sign.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What a canonical request is made of. `signed` is sorted, lower case, each name once.
pub(crate) struct Parts<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a CanonicalPath,
    /// Canonical.
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) signed: &'a [&'a str],
    pub(crate) payload: &'a str,
}

/// The hash of the canonical request, in hex.
pub(crate) fn request_hash(parts: &Parts<'_>) -> String {
    let mut text: Vec<u8> = Vec::with_capacity(1024);
    for line in [parts.method.as_str(), parts.path.as_str(), parts.query] {
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
    for name in parts.signed {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        append_values(&mut text, parts.headers, name);
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(parts.signed.join(";").as_bytes());
    text.push(b'\n');
    text.extend_from_slice(parts.payload.as_bytes());
    sha256_hex(&text)
}

/// All values of a name joined by `,` in the order they came, trimmed, runs of spaces folded.
fn append_values(text: &mut Vec<u8>, headers: &HeaderMap, name: &str) {
    for (at, value) in headers.get_all(name).iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        append_folded(text, value.as_bytes());
    }
}

fn append_folded(text: &mut Vec<u8>, value: &[u8]) {
    let mut after_space = false;
    for &byte in value.trim_ascii() {
        if byte != b' ' || !after_space {
            text.push(byte);
        }
        after_space = byte == b' ';
    }
}

/// What the key signs for a whole request.
pub(crate) fn string_to_sign(at: Timestamp, scope: &Scope, request_hash: &str) -> String {
    format!("{ALGORITHM}\n{}\n{scope}\n{request_hash}", at.as_str())
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    hex::encode(context.finish())
}
