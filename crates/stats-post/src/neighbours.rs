// SPDX-License-Identifier: Apache-2.0
//! What the neighbours left in the shared folder: tallies and outcomes, told apart by their shape.
//!
//! A file may be missing, half-written, or nothing of ours: that is said once, and is never fatal. What a
//! file said last stands until it says something else, or is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::Value;

use crate::ended::Ended;
use crate::small_file;
use crate::tallies::Tallies;

/// More neighbours than any pod has; this many files of 64 KiB are held at most.
const MOST: usize = 32;
/// A filesystem may date a file so much too early.
const SLACK: Duration = Duration::from_secs(2);
/// What we write ourselves, should the spool lie in the same folder.
pub(crate) const OURS: &str = "stats-post";

/// The neighbours' files, as they were last understood.
#[derive(Debug)]
pub(crate) struct Neighbours {
    folder: PathBuf,
    /// The file of the neighbour whose outcome is the run's.
    executor: Option<PathBuf>,
    /// An outcome of before then is another run's.
    began: SystemTime,
    known: BTreeMap<PathBuf, Found>,
    told: BTreeMap<PathBuf, String>,
}

/// All that they said so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) tallies: Tallies,
    /// By the names of their files.
    pub(crate) outcomes: Vec<Ended>,
    /// The run's.
    pub(crate) executor: Option<Ended>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
enum Found {
    Tallies(Tallies),
    Outcome(Ended),
}

impl Neighbours {
    /// Those of a run that began then.
    pub(crate) fn new(folder: PathBuf, executor: Option<PathBuf>, started: Timestamp) -> Self {
        let began = SystemTime::from(started) - SLACK;
        Self { folder, executor, began, known: BTreeMap::new(), told: BTreeMap::new() }
    }

    /// Reads everything anew.
    pub(crate) fn look(&mut self) -> Seen {
        let mut files = self.files();
        files.extend(self.executor.clone());
        files.extend(self.known.keys().cloned());
        for path in files {
            match self.read(&path) {
                Ok(found) => {
                    self.told.remove(&path);
                    self.known.insert(path, found);
                }
                // Not written yet, or taken away.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.known.remove(&path);
                }
                Err(error) => self.tell(&path, &error.to_string()),
            }
        }
        self.seen()
    }

    fn read(&self, path: &Path) -> io::Result<Found> {
        let is_executor = self.executor.as_deref() == Some(path);
        // Dated before it is read: what replaces it in between is taken at the next look.
        if is_executor && std::fs::symlink_metadata(path)?.modified()? < self.began {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is of an earlier run"));
        }
        found(&small_file::of_neighbour(path)?)
    }

    fn seen(&self) -> Seen {
        let mut seen = Seen::default();
        for (path, found) in &self.known {
            match found {
                Found::Tallies(tallies) => seen.tallies = seen.tallies.plus(*tallies),
                Found::Outcome(ended) => {
                    if Some(path) == self.executor.as_ref() {
                        seen.executor = Some(ended.clone());
                    }
                    seen.outcomes.push(ended.clone());
                }
            }
        }
        seen
    }

    /// The files that may be ours to read: those that are known, then by name.
    fn files(&mut self) -> BTreeSet<PathBuf> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.tell(&self.folder.clone(), &error.to_string());
                return BTreeSet::new();
            }
        };
        let mut files: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| is_candidate(path)).collect();
        files.sort_by_cached_key(|path| (!self.known.contains_key(path), path.clone()));
        match files.len() > MOST {
            true => {
                self.tell(&self.folder.clone(), "it holds more than 32 files; the first are read")
            }
            false => drop(self.told.remove(&self.folder)),
        }
        files.into_iter().take(MOST).collect()
    }

    /// Once, until it is something else.
    fn tell(&mut self, path: &Path, why: &str) {
        if self.told.get(path).is_some_and(|told| told == why) {
            return;
        }
        // A neighbour that invents names must not fill our memory.
        if self.told.len() > 2 * MOST {
            self.told.clear();
        }
        self.told.insert(path.to_owned(), why.to_owned());
        tracing::warn!(path = %path.display(), error = why, "a neighbour's file is passed over");
    }
}

fn is_candidate(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // A writer's temporary file begins with a dot.
    name.ends_with(".json") && !name.starts_with('.') && !name.starts_with(OURS)
}

fn found(bytes: &[u8]) -> io::Result<Found> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    let value: Value =
        serde_json::from_slice(bytes).map_err(|_| invalid("it is no JSON, or half of it"))?;
    if Tallies::NAMES.iter().any(|name| value.get(name).is_some()) {
        let tallies = serde_json::from_value(value);
        return tallies.map(Found::Tallies).map_err(|_| invalid("a tally is no whole number"));
    }
    let ended = serde_json::from_value(value);
    ended.map(Found::Outcome).map_err(|_| invalid("it holds neither tallies nor an outcome"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folder() -> (tempfile::TempDir, Neighbours) {
        let dir = tempfile::tempdir().unwrap();
        let executor = Some(dir.path().join("job.json"));
        let neighbours = Neighbours::new(dir.path().to_owned(), executor, Timestamp::now());
        (dir, neighbours)
    }

    #[test]
    fn what_a_file_said_last_stands_until_it_says_something_else_or_is_gone() {
        let (dir, mut neighbours) = folder();
        let write = |text: &str| std::fs::write(dir.path().join("a.json"), text).unwrap();
        assert_eq!(neighbours.look(), Seen::default());
        write(r#"{"sent_raw_bytes": 5, "colour": "blue"}"#);
        let sent = |seen: Seen| seen.tallies.sent_raw_bytes;
        assert_eq!(sent(neighbours.look()), Some(5));
        for other in [r#"{"sent_raw_bytes": 6"#, "", r#"{"sent_raw_bytes": -1}"#, "[]", "{}"] {
            write(other);
            assert_eq!(sent(neighbours.look()), Some(5), "{other}");
        }
        std::fs::remove_file(dir.path().join("a.json")).unwrap();
        assert_eq!(sent(neighbours.look()), None);
        write(r#"{"sent_raw_bytes": 7}"#);
        assert_eq!(sent(neighbours.look()), Some(7));
        assert!(neighbours.told.is_empty(), "{:?}", neighbours.told);
    }

    #[test]
    fn an_outcome_is_the_runs_only_under_the_name_that_was_given() {
        let (dir, mut neighbours) = folder();
        let outcome = r#"{"name":"kopia","exit":1,"sentence":"no","facts":{"sent_raw_bytes":1}}"#;
        std::fs::write(dir.path().join("other.json"), outcome).unwrap();
        std::fs::write(dir.path().join("stats-post-1.json"), outcome).unwrap();
        std::fs::write(dir.path().join(".x.json"), outcome).unwrap();
        let seen = neighbours.look();
        assert_eq!((seen.outcomes.len(), seen.executor), (1, None));
        assert!(seen.tallies.is_empty());
        std::fs::write(dir.path().join("job.json"), outcome).unwrap();
        let seen = neighbours.look();
        assert_eq!((seen.outcomes.len(), seen.executor.unwrap().exit), (2, 1));
    }

    #[test]
    fn only_so_many_files_are_read() {
        let (dir, mut neighbours) = folder();
        for name in 0..50 {
            let path = dir.path().join(format!("{name}.json"));
            std::fs::write(path, r#"{"sent_raw_bytes": 1}"#).unwrap();
        }
        assert_eq!(neighbours.look().tallies.sent_raw_bytes, Some(MOST as u64));
        assert_eq!(neighbours.told.len(), 1);
    }

    #[test]
    fn a_neighbour_that_invents_names_fills_no_memory_and_hides_nobody() {
        let (dir, mut neighbours) = folder();
        let path = |name: String| dir.path().join(format!("{name}.json"));
        std::fs::write(path("proxy".to_owned()), r#"{"sent_raw_bytes": 1000}"#).unwrap();
        neighbours.look();
        for round in 0..3 {
            let names: Vec<_> = (0..50).map(|name| path(format!("{round}-{name}"))).collect();
            names.iter().for_each(|path| std::fs::write(path, r#"{"sent_raw_bytes": 1}"#).unwrap());
            assert_eq!(neighbours.look().tallies.sent_raw_bytes, Some(1000 + MOST as u64 - 1));
            names.iter().for_each(|path| std::fs::remove_file(path).unwrap());
        }
        neighbours.look();
        assert_eq!(neighbours.known.len(), 1);
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            found(&bytes).ok();
        }

        #[test]
        fn damaged_files_never_panic(cut in 0_usize..80, at in 0_usize..80, with: u8) {
            let mut bytes = br#"{"sent_raw_bytes":12,"sent_payload_bytes":3,"name":"a","exit":1,"facts":{}}"#.to_vec();
            let length = bytes.len();
            bytes[at % length] = with;
            bytes.truncate(cut);
            found(&bytes).ok();
        }
    }
}
