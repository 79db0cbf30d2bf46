// SPDX-License-Identifier: Apache-2.0
//! `snapshot-upload`: takes one snapshot of one source, verifies it, commits it to one store.
//!
//! A byte's way: `source` → `spool` → `follow` (encoded, uploaded, not visible) → `proof` → `commit`. The
//! source is drained at its own speed; what is not proven never becomes an object, and what has no
//! manifest is no snapshot.

mod adopt;
mod args;
mod commit;
mod follow;
mod plan;
mod progress;
mod proof;
mod received;
mod run;
mod source;
mod spool;
mod upload;

use std::process::ExitCode;

/// The program, from its flags to its exit code.
#[must_use]
pub fn main() -> ExitCode {
    sidecar::main::<args::Args, _, _>("snapshot-upload", upload::upload)
}
