// SPDX-License-Identifier: Apache-2.0
//! Makes and compares trees of files, where a test runs in pods and has no shell.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use testbed::{Oddities, TreeSpec, compare, generate};

/// Makes and compares trees of files.
#[derive(Debug, Parser)]
#[command(name = "testbed-tree", version)]
enum Args {
    /// Makes the tree of a seed, odd names and kinds included.
    Generate {
        /// Its folder.
        dir: PathBuf,
        /// The same seed makes the same tree.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Bytes in all.
        #[arg(long, default_value_t = 64 << 20)]
        bytes: u64,
    },
    /// Adds a file that its own owner may not read.
    Lock {
        /// The file.
        file: PathBuf,
    },
    /// Exits 0 if two trees have the same names, kinds, modes, links and bytes.
    Compare {
        /// One.
        left: PathBuf,
        /// The other.
        right: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    let summary = match Args::parse() {
        Args::Generate { dir, seed, bytes } => {
            let spec = TreeSpec {
                files: 200,
                total_bytes: bytes,
                large_files: 4,
                oddities: Oddities::All,
            };
            generate(&dir, seed, spec).with_context(|| dir.display().to_string())?
        }
        Args::Lock { file } => {
            std::fs::write(&file, "locked").with_context(|| file.display().to_string())?;
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000))?;
            return Ok(());
        }
        Args::Compare { left, right } => {
            compare(&left, &right).map_err(|difference| anyhow::anyhow!("{difference:?}"))?
        }
    };
    writeln!(std::io::stdout(), "{summary:?}").context("standard output")
}
