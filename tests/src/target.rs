// SPDX-License-Identifier: Apache-2.0
//! Cargo's folder of what it builds.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// What cargo puts into its folder, by <https://bford.info/cachedir/>, and into that of a platform inside it.
const TAG: &str = "CACHEDIR.TAG";

/// The folder in which a program lies that cargo has built.
pub(crate) fn of(program: &Path) -> anyhow::Result<PathBuf> {
    let folders = program.ancestors().skip(1);
    let target = folders.filter(|folder| folder.join(TAG).is_file()).last();
    let target =
        target.with_context(|| format!("{} is not where cargo builds", program.display()))?;
    Ok(target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_lies_in_it_with_and_without_a_platform() {
        let target = tempfile::tempdir().unwrap();
        let platform = target.path().join("x86_64-unknown-linux-gnu");
        std::fs::create_dir(&platform).unwrap();
        for folder in [target.path(), &platform] {
            std::fs::write(folder.join(TAG), "").unwrap();
        }
        for below in ["release/demo", "x86_64-unknown-linux-gnu/release/demo"] {
            assert_eq!(of(&target.path().join(below)).unwrap(), target.path());
        }
        assert!(of(Path::new("/demo")).is_err());
    }
}
