// SPDX-License-Identifier: Apache-2.0
//! `bench`: the proxy beside a direct connection and a bare relay; see `--help`.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use sidecar::{Exit, Failure};
use stories::bench::{self, Args};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(answer) => return usage(&answer),
    };
    match bench::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed, the exit code still tells.
            writeln!(std::io::stderr(), "bench: {error:#}").ok();
            Failure::exit_of(&error).into()
        }
    }
}

/// Help is an answer and no error; clap's own code for wrong flags is not ours.
fn usage(answer: &clap::Error) -> ExitCode {
    answer.print().ok();
    if answer.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS }
}
