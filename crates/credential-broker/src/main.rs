// SPDX-License-Identifier: Apache-2.0
//! `credential-broker`: hands short-lived restore credentials to the pods of a cluster.
//!
//! A request's way: `accept` → `service` → `request` (what) → `identity` (who, and may they) → `desk` (held, or
//! asked for once) → `issuer` → `answer`, with one line of `audit`.

mod accept;
mod answer;
mod args;
mod audit;
mod books;
mod config;
mod desk;
mod flights;
mod held;
mod identity;
mod issuer;
mod listen;
mod metrics;
mod pause;
mod request;
mod serve;
mod service;
mod table;
mod tls;
mod trouble;

use std::process::ExitCode;

use sidecar::{Problems, ProcessArgs, Program};

use crate::args::Args;
use crate::config::Config;

/// More than any key, certificate chain, password or list of grants of a sane size, in bytes.
const LARGEST_FILE: usize = 256 * 1024;

fn main() -> ExitCode {
    sidecar::main::<Args, _, _>("credential-broker", serve::serve)
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
        sidecar::testing::assert_no_service_link_twins::<Args>("credential-broker");
    }
}
