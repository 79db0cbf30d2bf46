// SPDX-License-Identifier: Apache-2.0
//! Where our own programs are.

use std::path::PathBuf;

use anyhow::{Context, ensure};

/// A binary of this workspace, beside the folder of this test.
pub(crate) fn ours(name: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let path = test.ancestors().nth(2).context("the target folder")?.join(name);
    ensure!(path.exists(), "{} is not built: cargo build --workspace", path.display());
    Ok(path)
}
