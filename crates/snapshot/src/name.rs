// SPDX-License-Identifier: Apache-2.0
//! The names below `<prefix>/<namespace>/<cluster>/`.

use std::fmt;

use crate::id::{Id, parse_hex};
use crate::manifest::Encoding;

const MANIFEST: &str = ".snap.json";

/// The name of a data object: `<id>[-<8 hex of a later attempt>].snap[.zst][.age]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataName {
    /// The snapshot's.
    pub id: Id,
    /// Set by every attempt of a run but the first, so that no two share a key.
    pub attempt: Option<[u8; 4]>,
    /// What was done to the content, in order.
    pub encoding: Vec<Encoding>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A snapshot's commit marker.
    Manifest(Id),
    /// Data of a snapshot or of a failed attempt at it.
    Data(DataName),
    /// A run record.
    Run,
    /// Not ours. Never deleted.
    Foreign,
}

impl Id {
    /// The name of its manifest, whatever its data is called.
    #[must_use]
    pub fn manifest_name(&self) -> String {
        format!("{self}{MANIFEST}")
    }
}

impl DataName {
    fn parse(name: &str) -> Option<Self> {
        let (id, rest) = Id::split(name)?;
        let (attempt, rest) = match rest.strip_prefix('-') {
            Some(rest) => {
                let (hex, rest) = rest.split_at_checked(8)?;
                (Some(parse_hex(hex)?), rest)
            }
            None => (None, rest),
        };
        let encoding = match rest {
            ".snap" => vec![],
            ".snap.zst" => vec![Encoding::Zstd],
            ".snap.age" => vec![Encoding::Age],
            ".snap.zst.age" => vec![Encoding::Zstd, Encoding::Age],
            _ => return None,
        };
        Some(Self { id, attempt, encoding })
    }
}

impl fmt::Display for DataName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        if let Some(attempt) = self.attempt {
            write!(f, "-{}", hex::encode(attempt))?;
        }
        f.write_str(".snap")?;
        self.encoding.iter().try_for_each(|encoding| f.write_str(encoding.extension()))
    }
}

/// What a name, relative to the cluster's folder, stands for. Only what parses in full is ours.
#[must_use]
pub fn entry_of(name: &str) -> Entry {
    if let Some(id) = name.strip_suffix(MANIFEST).and_then(|id| id.parse().ok()) {
        return Entry::Manifest(id);
    }
    let run = name.strip_prefix("runs/").and_then(|run| run.strip_suffix(".json"));
    if run.is_some_and(|run| run.len() == 64 && run.bytes().all(is_lower_hex)) {
        return Entry::Run;
    }
    DataName::parse(name).map_or(Entry::Foreign, Entry::Data)
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "manual-2026-11-21T03-00-00Z-0123abcd";

    #[test]
    fn every_name_of_ours_is_read_back() {
        for end in [".snap", ".snap.zst", "-00ff00ff.snap", "-00ff00ff.snap.zst.age", ".snap.age"] {
            let name = format!("{ID}{end}");
            let Entry::Data(data) = entry_of(&name) else { panic!("{name}") };
            assert_eq!(data.to_string(), name);
        }
        let id: Id = ID.parse().unwrap();
        assert_eq!(entry_of(&id.manifest_name()), Entry::Manifest(id));
        assert_eq!(entry_of(&format!("runs/{}.json", "0a".repeat(32))), Entry::Run);
    }

    #[test]
    fn a_name_of_another_tool_is_foreign() {
        for name in [
            "backup.db",
            "runs/notes.json",
            "2026-11-21T03-00-00Z-0123abcd.snap.gz",
            "2026-11-21T03-00-00Z-0123abcd.snap.age.zst",
            "2026-11-21T03-00-00Z-0123abcd.json",
            "2026-11-21T03-00-00Z-0123abcd.snap.zst.json",
            "old/2026-11-21T03-00-00Z-0123abcd.snap",
            "",
        ] {
            assert_eq!(entry_of(name), Entry::Foreign, "{name}");
        }
    }
}
