// SPDX-License-Identifier: Apache-2.0
//! `snapshot-read` as a file of its own; images carry it as one of the names of `pilotfish`.

use std::process::ExitCode;

fn main() -> ExitCode {
    snapshot_read::main()
}
