// SPDX-License-Identifier: Apache-2.0
//! Where the programs are.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// The path that `scripts/tools` gave.
pub(crate) fn kopia() -> Option<PathBuf> {
    const VARIABLE: &str = "PILOTFISH_KOPIA";
    let found = std::env::var(VARIABLE).ok().filter(|path| Path::new(path).exists());
    if found.is_none() {
        let required = std::env::var("REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "kopia is not there: {VARIABLE} must name it (scripts/tools --env)");
        println!("LEFT OUT: kopia is not there; run scripts/test, or set {VARIABLE}");
    }
    found.map(PathBuf::from)
}

/// A binary of this workspace, beside the folder of this test.
pub(crate) fn ours(name: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let path = test.ancestors().nth(2).context("the target folder")?.join(name);
    ensure!(path.exists(), "{} is not built: cargo build --workspace", path.display());
    Ok(path)
}
