// SPDX-License-Identifier: Apache-2.0
//! Trees of files to back up: the same for the same seed, and compared byte for byte.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What a tree is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeSpec {
    /// Regular files with content, large ones included.
    pub files: usize,
    /// Their bytes in all; half of them are in the large files, if there are any.
    pub total_bytes: u64,
    /// How many of the files are large.
    pub large_files: usize,
    /// Whether odd names and kinds are added.
    pub oddities: Oddities,
}

/// What real trees hold now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddities {
    /// Plain names only.
    None,
    /// UTF-8, spaces, line ends, quotes, escapes, long names, leading dashes, empty files and
    /// folders, symlinks (dangling too), unusual modes.
    All,
}

/// What a tree holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Regular files.
    pub files: u64,
    /// Folders, the root not counted.
    pub folders: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes of the regular files.
    pub bytes: u64,
}

/// Where two trees differ first, in the order of their paths.
#[derive(Debug, thiserror::Error)]
pub enum Difference {
    /// Only the left tree has it.
    #[error("missing on the right: {0:?}")]
    Missing(PathBuf),
    /// Only the right tree has it.
    #[error("extra on the right: {0:?}")]
    Extra(PathBuf),
    /// A file here, a folder or a link there.
    #[error("another kind: {0:?}")]
    Kind(PathBuf),
    /// Other permission bits.
    #[error("another mode: {path:?} has {left:o} and {right:o}")]
    Mode {
        /// The path in the tree.
        path: PathBuf,
        /// Permission bits on the left.
        left: u32,
        /// Permission bits on the right.
        right: u32,
    },
    /// The links point elsewhere.
    #[error("another target: {0:?}")]
    Target(PathBuf),
    /// The files differ.
    #[error("other bytes: {path:?} from byte {at}")]
    Bytes {
        /// The path in the tree.
        path: PathBuf,
        /// The first byte that differs, or the shorter one's length.
        at: u64,
    },
    /// A tree could not be read.
    #[error("unreadable tree: {path:?}")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

const ODD_NAMES: [&str; 17] = [
    "with space",
    " leading and trailing ",
    "-leading-dash",
    "--looks=like-a-flag",
    "line\nend",
    "tab\tand\u{7f}delete",
    "quote'and\"quote",
    "back\\slash",
    "percent%2Fescape%00",
    "plus+and&amp;",
    "star*question?[bracket]",
    ".hidden",
    "...",
    "trailing.dot.",
    "ünïcödé-日本語-🐟",
    "nfd-e\u{301}",
    "nfc-\u{e9}",
];

/// Makes a tree in a folder, which is created; the same seed and spec make the same tree.
pub fn generate(dir: &Path, seed: u64, spec: TreeSpec) -> io::Result<Summary> {
    let mut rng = fastrand::Rng::with_seed(seed);
    fs::create_dir_all(dir)?;
    let sizes = sizes(&mut rng, spec);
    for (number, size) in sizes.iter().enumerate() {
        let folder = dir.join(format!("d{:02}/e{}", number % 23, number % 7));
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("file-{number:06}.bin"));
        fill(&path, *size, &mut rng)?;
        let mode = [0o644, 0o600, 0o755, 0o640][number % 4];
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    if spec.oddities == Oddities::All {
        oddities(&dir.join("odd"), &mut rng)?;
    }
    walk(dir).map(|entries| summary(&entries))
}

fn sizes(rng: &mut fastrand::Rng, spec: TreeSpec) -> Vec<u64> {
    let large = spec.large_files.min(spec.files);
    let small = spec.files - large;
    let large_bytes = match (large, small) {
        (0, _) => 0,
        (_, 0) => spec.total_bytes,
        _ => spec.total_bytes / 2,
    };
    let mut sizes = parts(rng, large_bytes, large);
    sizes.extend(parts(rng, spec.total_bytes - large_bytes, small));
    sizes
}

/// Uneven parts that add up to the whole.
fn parts(rng: &mut fastrand::Rng, total: u64, count: usize) -> Vec<u64> {
    let weights: Vec<u64> = (0..count).map(|_| rng.u64(1..100)).collect();
    let sum: u64 = weights.iter().sum::<u64>().max(1);
    let mut parts: Vec<u64> = weights.iter().map(|weight| total / sum * weight).collect();
    let rest = total - parts.iter().sum::<u64>();
    if let Some(first) = parts.first_mut() {
        *first += rest;
    }
    parts
}

/// Random bytes: a tree that compresses or deduplicates well would hide what really moves.
fn fill(path: &Path, size: u64, rng: &mut fastrand::Rng) -> io::Result<()> {
    let mut file = File::create(path)?;
    let mut block = vec![0; 256 * 1024];
    let mut left = size;
    while left > 0 {
        let len = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        rng.fill(&mut block[..len]);
        file.write_all(&block[..len])?;
        left -= len as u64;
    }
    Ok(())
}

fn oddities(dir: &Path, rng: &mut fastrand::Rng) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for (number, name) in ODD_NAMES.iter().enumerate() {
        fill(&dir.join(name), number as u64 * 100, rng)?;
        let folder = dir.join("folders").join(name);
        fs::create_dir_all(&folder)?;
        fill(&folder.join(name), 17, rng)?;
    }
    fill(&dir.join("n".repeat(255)), 33, rng)?;
    fill(&dir.join("empty"), 0, rng)?;
    fs::create_dir_all(dir.join("empty-folder"))?;
    fs::create_dir_all(dir.join("deep").join(["x"; 40].join("/")))?;
    for mode in [0o400, 0o444, 0o700, 0o777, 0o500] {
        let path = dir.join(format!("mode-{mode:03o}"));
        fill(&path, 9, rng)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    fs::set_permissions(dir.join("empty-folder"), fs::Permissions::from_mode(0o711))?;
    symlink("empty", dir.join("link-to-file"))?;
    symlink("folders", dir.join("link-to-folder"))?;
    symlink("/nowhere/at all", dir.join("link-dangling"))?;
    symlink("link-to-itself", dir.join("link-to-itself"))
}

/// Compares kinds, modes, link targets and every byte; times and owners are not compared.
pub fn compare(left: &Path, right: &Path) -> Result<Summary, Difference> {
    let list = |root: &Path| {
        walk(root).map_err(|source| Difference::Unreadable { path: root.to_owned(), source })
    };
    let (ours, theirs) = (list(left)?, list(right)?);
    for (path, entry) in &ours {
        let Some(other) = theirs.get(path) else { return Err(Difference::Missing(path.clone())) };
        same(path, entry, other)?;
        if matches!(entry.kind, Kind::File(_)) {
            same_bytes(path, &left.join(path), &right.join(path))?;
        }
    }
    match theirs.keys().find(|path| !ours.contains_key(*path)) {
        Some(extra) => Err(Difference::Extra(extra.clone())),
        None => Ok(summary(&ours)),
    }
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    mode: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    File(u64),
    Folder,
    Link(PathBuf),
}

fn walk(root: &Path) -> io::Result<BTreeMap<PathBuf, Entry>> {
    let mut entries = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for found in fs::read_dir(root.join(&folder))? {
            let found = found?;
            let path = folder.join(found.file_name());
            let about = fs::symlink_metadata(found.path())?;
            let kind = if about.is_dir() {
                folders.push(path.clone());
                Kind::Folder
            } else if about.is_symlink() {
                Kind::Link(fs::read_link(found.path())?)
            } else {
                Kind::File(about.len())
            };
            // A link's own mode means nothing.
            let mode = if about.is_symlink() { 0 } else { about.permissions().mode() & 0o7777 };
            entries.insert(path, Entry { kind, mode });
        }
    }
    Ok(entries)
}

fn summary(entries: &BTreeMap<PathBuf, Entry>) -> Summary {
    let mut summary = Summary::default();
    for entry in entries.values() {
        match &entry.kind {
            Kind::File(bytes) => {
                summary.files += 1;
                summary.bytes += bytes;
            }
            Kind::Folder => summary.folders += 1,
            Kind::Link(_) => summary.symlinks += 1,
        }
    }
    summary
}

fn same(path: &Path, left: &Entry, right: &Entry) -> Result<(), Difference> {
    let path = path.to_owned();
    match (&left.kind, &right.kind) {
        (Kind::File(a), Kind::File(b)) if a != b => {
            return Err(Difference::Bytes { path, at: *a.min(b) });
        }
        (Kind::File(_), Kind::File(_)) | (Kind::Folder, Kind::Folder) => {}
        (Kind::Link(a), Kind::Link(b)) if a == b => {}
        (Kind::Link(_), Kind::Link(_)) => return Err(Difference::Target(path)),
        _ => return Err(Difference::Kind(path)),
    }
    if left.mode != right.mode {
        return Err(Difference::Mode { path, left: left.mode, right: right.mode });
    }
    Ok(())
}

fn same_bytes(path: &Path, left: &Path, right: &Path) -> Result<(), Difference> {
    let unreadable = |at: &Path| {
        let path = at.to_owned();
        move |source| Difference::Unreadable { path, source }
    };
    let mut ours = File::open(left).map_err(unreadable(left))?;
    let mut theirs = File::open(right).map_err(unreadable(right))?;
    let (mut a, mut b) = (vec![0; 256 * 1024], vec![0; 256 * 1024]);
    let mut at = 0;
    loop {
        let len = ours.read(&mut a).map_err(unreadable(left))?;
        if len == 0 {
            return Ok(());
        }
        theirs.read_exact(&mut b[..len]).map_err(unreadable(right))?;
        if let Some(first) = a[..len].iter().zip(&b[..len]).position(|(x, y)| x != y) {
            return Err(Difference::Bytes { path: path.to_owned(), at: at + first as u64 });
        }
        at += len as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: TreeSpec =
        TreeSpec { files: 40, total_bytes: 300_000, large_files: 2, oddities: Oddities::All };

    fn two() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (left, right) = (dir.path().join("left"), dir.path().join("right"));
        generate(&left, 7, SPEC).unwrap();
        generate(&right, 7, SPEC).unwrap();
        (dir, left, right)
    }

    #[test]
    fn the_same_seed_makes_the_same_tree_and_another_seed_another() {
        let (dir, left, right) = two();
        let summary = compare(&left, &right).unwrap();
        assert_eq!(summary.symlinks, 4);
        assert!(summary.bytes > SPEC.total_bytes && summary.files > SPEC.files as u64);
        let other = dir.path().join("other");
        generate(&other, 8, SPEC).unwrap();
        assert!(compare(&left, &other).is_err());
    }

    #[test]
    fn plain_trees_have_exactly_the_bytes_that_were_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        for (files, large_files) in [(1, 0), (10, 10), (10, 3), (10, 0)] {
            let oddities = Oddities::None;
            let spec = TreeSpec { files, total_bytes: 1_234_567, large_files, oddities };
            let root = dir.path().join(format!("{files}-{large_files}"));
            let summary = generate(&root, 1, spec).unwrap();
            assert_eq!((summary.bytes, summary.files), (1_234_567, files as u64));
        }
    }

    #[test]
    fn each_kind_of_difference_is_found() {
        type Damage = fn(&Path);
        let damages: [(&str, Damage); 6] = [
            ("missing", |root| fs::remove_file(root.join("odd/empty")).unwrap()),
            ("extra", |root| fs::write(root.join("odd/new"), "").unwrap()),
            ("mode", |root| {
                let mode = fs::Permissions::from_mode(0o750);
                fs::set_permissions(root.join("odd/empty-folder"), mode).unwrap();
            }),
            ("target", |root| {
                fs::remove_file(root.join("odd/link-dangling")).unwrap();
                symlink("/elsewhere", root.join("odd/link-dangling")).unwrap();
            }),
            ("kind", |root| {
                fs::remove_file(root.join("odd/empty")).unwrap();
                fs::create_dir(root.join("odd/empty")).unwrap();
            }),
            ("bytes", |root| {
                let path = root.join("odd/plus+and&amp;");
                let mut bytes = fs::read(&path).unwrap();
                bytes[500] ^= 1;
                fs::write(&path, bytes).unwrap();
            }),
        ];
        for (name, damage) in damages {
            let (_dir, left, right) = two();
            damage(&right);
            let found = match compare(&left, &right).unwrap_err() {
                Difference::Missing(_) => "missing",
                Difference::Extra(_) => "extra",
                Difference::Kind(_) => "kind",
                Difference::Mode { .. } => "mode",
                Difference::Target(_) => "target",
                Difference::Bytes { at: 500, .. } => "bytes",
                other => panic!("{other}"),
            };
            assert_eq!(found, name);
        }
    }
}
