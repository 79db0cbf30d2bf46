// SPDX-License-Identifier: Apache-2.0
//! One file with the names of the programs that know stores and snapshots: apart, they would carry the same libraries
//! five times into the image. It is the program by whose name it is called.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// A program's `main`.
type Main = fn() -> ExitCode;

const PROGRAMS: [(&str, Main); 5] = [
    ("restore-localize", restore_localize::main),
    ("snapshot-check", snapshot_check::main),
    ("snapshot-prune", snapshot_prune::main),
    ("snapshot-read", snapshot_read::main),
    ("snapshot-upload", snapshot_upload::main),
];

/// `EX_USAGE` of sysexits.h.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let called = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&called).file_name().unwrap_or_default();
    match PROGRAMS.iter().find(|(program, _)| name == *program) {
        Some((_, main)) => main(),
        None => refuse(),
    }
}

fn refuse() -> ExitCode {
    let names = PROGRAMS.map(|(name, _)| name).join(", ");
    // Nothing is left to be said if even this cannot be.
    writeln!(std::io::stderr(), "pilotfish is called by the name of a program: {names}").ok();
    ExitCode::from(USAGE)
}
