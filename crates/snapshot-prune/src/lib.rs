// SPDX-License-Identifier: Apache-2.0
//! `snapshot-prune`: lists, plans, and with `--apply` deletes the snapshots that no rule keeps.
//!
//! The plan is pure arithmetic over manifests. Only a snapshot whose data is there counts as one that is
//! kept. Manifests go first, then data: what is half deleted is no snapshot.

mod apply;
mod args;
mod inventory;
mod pins;
mod prune;
mod report;

use std::process::ExitCode;

/// The program, from its flags to its exit code.
#[must_use]
pub fn main() -> ExitCode {
    sidecar::main::<args::Args, _, _>("snapshot-prune", prune::prune)
}
