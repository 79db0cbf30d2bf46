// SPDX-License-Identifier: Apache-2.0
//! `s3-resign-proxy`: a loopback S3 endpoint for a tool that cannot refresh its credentials.
//!
//! A request's way: `accept` → `proxy` → `gate` (who) → `policy` (what) → `body` (which form) →
//! `forward` (signed, sent, sent again) → `answer`. Nothing is buffered whole.

mod accept;
mod answer;
mod args;
mod body;
mod caller;
mod complaints;
mod config;
mod connection;
mod document;
mod follow;
mod forward;
mod gate;
mod headers;
mod listen;
mod metrics;
mod multi_delete;
mod policy;
mod prepare;
mod proxy;
mod read_ahead;
mod regions;
mod s3_error;
mod serve;
mod stage;
mod target;
mod traffic;
mod upstream;

use std::process::ExitCode;

use sidecar::{Problems, ProcessArgs, Program};

use crate::args::Args;
use crate::config::Config;

fn main() -> ExitCode {
    sidecar::main::<Args, _, _>("s3-resign-proxy", serve::serve)
}

impl Program for Args {
    type Plan = Config;
    const ADMIN_DEFAULT: Option<&'static str> = Some(config::DEFAULT_ADMIN);

    fn process(&self) -> &ProcessArgs {
        &self.process
    }

    fn resolve(self, problems: &mut Problems) -> Option<Config> {
        Config::resolve(self, problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flags_twin_looks_like_a_service_link() {
        sidecar::testing::assert_no_service_link_twins::<Args>("s3-resign-proxy");
    }
}
