// SPDX-License-Identifier: Apache-2.0
//! Trees to back up, and what of them came back.

use std::path::Path;

use testbed::{Oddities, TreeSpec, compare, generate};

use crate::Observed;

const SEED: u64 = 7;

/// A few MiB with odd names, links and modes.
pub(crate) fn make(at: &Path) -> std::io::Result<()> {
    let spec =
        TreeSpec { files: 60, total_bytes: 6 << 20, large_files: 1, oddities: Oddities::All };
    generate(at, SEED, spec).map(|_| ())
}

/// The same without what an object store has no place for.
pub(crate) fn make_plain(at: &Path) -> std::io::Result<()> {
    let spec =
        TreeSpec { files: 30, total_bytes: 8 << 20, large_files: 1, oddities: Oddities::None };
    generate(at, SEED, spec).map(|_| ())
}

/// Equal in everything; what was compared.
pub(crate) fn compared(left: &Path, right: &Path) -> anyhow::Result<Observed> {
    let summary = compare(left, right)?;
    let pairs =
        [("files", summary.files), ("symlinks", summary.symlinks), ("bytes", summary.bytes)];
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_string())).into())
}

/// Equal in the contents of files, by name.
pub(crate) fn contents_compared(left: &Path, right: &Path) -> anyhow::Result<Observed> {
    let mut observed = Observed::new();
    for at in [left, right] {
        let mut files = Vec::new();
        list(at, at, &mut files)?;
        files.sort();
        let (names, bytes): (Vec<String>, Vec<Vec<u8>>) = files.into_iter().unzip();
        let whole =
            format!("{} files, {} bytes", names.len(), bytes.iter().map(Vec::len).sum::<usize>());
        if let Some(before) = observed.insert("contents".to_owned(), whole.clone()) {
            anyhow::ensure!(before == whole, "{before} went up, {whole} came back");
        }
    }
    Ok(observed)
}

fn list(root: &Path, at: &Path, files: &mut Vec<(String, Vec<u8>)>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(at)? {
        let path = entry?.path();
        if path.is_dir() {
            list(root, &path, files)?;
        } else {
            files.push((path.strip_prefix(root)?.display().to_string(), std::fs::read(&path)?));
        }
    }
    Ok(())
}
