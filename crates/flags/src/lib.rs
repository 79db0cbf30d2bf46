// SPDX-License-Identifier: Apache-2.0
//! Flag values that are judged late, so that every bad one is named at once; and flags' env twins.

mod given;

pub use given::{Given, Problems, Size, Span};

/// `S3_RESIGN_PROXY_PORT_FILE` of `s3-resign-proxy` and `port-file`.
#[must_use]
pub fn twin(binary: &str, flag: &str) -> String {
    format!("{binary}_{flag}").to_ascii_uppercase().replace('-', "_")
}
