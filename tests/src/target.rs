// SPDX-License-Identifier: Apache-2.0
//! Cargo's folder of what it builds.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// What cargo puts into the top of its folder, by <https://bford.info/cachedir/>; how deep a program lies in it
/// depends on the platform that it was built for.
const TAG: &str = "CACHEDIR.TAG";

/// The folder in which a program lies that cargo has built.
pub(crate) fn of(program: &Path) -> anyhow::Result<PathBuf> {
    let mut folders = program.ancestors().skip(1);
    let target = folders.find(|folder| folder.join(TAG).is_file());
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
        std::fs::write(target.path().join(TAG), "").unwrap();
        for below in ["release/demo", "x86_64-unknown-linux-gnu/release/demo"] {
            assert_eq!(of(&target.path().join(below)).unwrap(), target.path());
        }
        assert!(of(Path::new("/demo")).is_err());
    }
}
