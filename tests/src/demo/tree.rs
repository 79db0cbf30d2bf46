// SPDX-License-Identifier: Apache-2.0
//! The tree that is backed up: many small files and some large ones, and how it changes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use testbed::{Oddities, Summary, TreeSpec};

pub(super) const MIB: u64 = 1024 * 1024;

/// One file in this many changes in a round.
const SHARE: usize = 16;
/// How much of a file changes at most.
const CHANGED_BYTES: u64 = MIB;

/// Makes the tree: half of its bytes in a few large files, the other half in small ones of 64 KiB
/// on average. Its bytes do not compress.
pub(super) fn generate(tree: &Path, mib: u64) -> io::Result<Summary> {
    let mib_count = usize::try_from(mib).map_err(io::Error::other)?;
    let large_files = (mib_count / 64).max(1);
    let spec = TreeSpec {
        files: mib_count * 8 + large_files,
        total_bytes: mib * MIB,
        large_files,
        // Files that only root may read would end a demo that anybody may start.
        oddities: Oddities::None,
    };
    testbed::generate(tree, 3, spec)
}

/// Changes a part of the tree: other bytes in some files, one of them renamed, one removed, and
/// one new. The same round changes the same tree in the same way.
pub(super) fn change(tree: &Path, round: u64) -> io::Result<()> {
    let mut rng = fastrand::Rng::with_seed(round);
    let mut files = files(tree)?;
    rng.shuffle(&mut files);
    files.truncate((files.len() / SHARE).max(3));
    for path in &files {
        overwrite(path, &mut rng)?;
    }
    if let [renamed, removed, ..] = &files[..] {
        fs::rename(renamed, renamed.with_file_name(format!("renamed-{round:06}.bin")))?;
        fs::remove_file(removed)?;
        fs::write(removed.with_file_name(format!("new-{round:06}.bin")), noise(&mut rng, 65_536))?;
    }
    Ok(())
}

/// Writes within the file, so that the tree keeps its size.
fn overwrite(path: &Path, rng: &mut fastrand::Rng) -> io::Result<()> {
    let length = fs::metadata(path)?.len();
    let changed = length.min(CHANGED_BYTES);
    let mut file: File = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(rng.u64(0..=length - changed)))?;
    file.write_all(&noise(rng, usize::try_from(changed).map_err(io::Error::other)?))
}

fn noise(rng: &mut fastrand::Rng, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rng.fill(&mut bytes);
    bytes
}

/// All files in a steady order.
fn files(tree: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![tree.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let list = if entry.file_type()?.is_dir() { &mut folders } else { &mut files };
            list.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use testbed::compare;

    use super::*;

    #[test]
    fn a_change_changes_the_tree_and_each_round_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let trees = ["one", "two"].map(|name| folder.path().join(name));
        let made = trees.each_ref().map(|tree| generate(tree, 1).unwrap());
        assert_eq!((made[0].bytes, made[0].files), (MIB, 9));
        change(&trees[0], 1).unwrap();
        assert!(compare(&trees[0], &trees[1]).is_err());
        change(&trees[1], 1).unwrap();
        assert_eq!(compare(&trees[0], &trees[1]).unwrap().files, 9);
        change(&trees[0], 2).unwrap();
        change(&trees[1], 3).unwrap();
        assert!(compare(&trees[0], &trees[1]).is_err());
    }
}
