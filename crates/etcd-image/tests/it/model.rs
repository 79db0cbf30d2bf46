// SPDX-License-Identifier: Apache-2.0
//! Histories as plain lists, their hash by the rules as they are written down, and the files that
//! an etcd with such a history has.

use std::collections::BTreeMap;

use etcd_image::{Facts, Options, describe};
use proptest::prelude::*;

use crate::forge::{Entries, Forge, bucket_at, inline};
use crate::judge;
use crate::programs::Version;

/// A change: which key, and its new value, or none where it is deleted.
#[derive(Debug, Clone)]
struct Change {
    revision: i64,
    sub: i64,
    key: u16,
    value: Option<u8>,
}

/// A history, how far it is compacted, and how far that has got.
#[derive(Debug, Clone)]
struct History {
    changes: Vec<Change>,
    finished: i64,
    scheduled: i64,
}

impl Change {
    fn entry(&self) -> (Vec<u8>, Vec<u8>) {
        let mut key = self.revision.to_be_bytes().to_vec();
        key.push(b'_');
        key.extend(self.sub.to_be_bytes());
        if self.value.is_none() {
            key.push(b't');
        }
        (key, self.message())
    }

    /// `mvccpb.KeyValue`: key 1, mod revision 3, value 5.
    fn message(&self) -> Vec<u8> {
        let user_key = format!("key-{}", self.key).into_bytes();
        let mut message = vec![0x0a, user_key.len() as u8];
        message.extend(user_key);
        if let Some(value) = self.value {
            message.extend([0x18, (self.revision & 0x7f) as u8, 0x2a, 5, value, 0, 1, 2, 3]);
        }
        message
    }

    fn at(&self) -> (i64, i64) {
        (self.revision, self.sub)
    }
}

impl History {
    fn compact(&self) -> i64 {
        self.finished.max(self.scheduled)
    }

    /// The last change of each key up to `revision`, where that is no deletion.
    fn living_at(&self, revision: i64) -> Vec<(i64, i64)> {
        let mut last = BTreeMap::new();
        for change in self.changes.iter().filter(|change| change.revision <= revision) {
            last.insert(change.key, change);
        }
        last.values().filter(|change| change.value.is_some()).map(|change| change.at()).collect()
    }

    fn hash(&self, revision: i64) -> u32 {
        let keep = self.living_at(revision);
        let mut hashed = b"key".to_vec();
        for change in self.changes.iter().filter(|change| change.revision <= revision) {
            let is_old = change.revision <= self.compact();
            let is_boundary = change.revision == self.compact() && change.value.is_none();
            if (is_old && !keep.is_empty() && !keep.contains(&change.at())) || is_boundary {
                continue;
            }
            let (key, value) = change.entry();
            hashed.extend(key);
            hashed.extend(value);
        }
        crc32c::crc32c(&hashed)
    }

    /// Leaves out what a finished compaction removed: all but the last change of each living key.
    fn compacted(mut self) -> Self {
        let keep = self.living_at(self.finished);
        self.changes
            .retain(|change| change.revision > self.finished || keep.contains(&change.at()));
        self
    }

    fn latest(&self) -> i64 {
        self.changes.last().map_or(0, |change| change.revision).max(self.compact()).max(1)
    }

    fn file(&self, page_size: usize, fan: usize) -> Vec<u8> {
        let mut forge = Forge::new(page_size);
        let entries: Entries = self.changes.iter().map(Change::entry).collect();
        let keys = forge.tree(&entries, fan);
        let mut meta = vec![(b"consistent_index".to_vec(), 9_u64.to_be_bytes().to_vec())];
        for (name, revision) in
            [("finishedCompactRev", self.finished), ("scheduledCompactRev", self.scheduled)]
        {
            if revision > 0 {
                let value = [&revision.to_be_bytes()[..], b"_", &[0; 8]].concat();
                meta.push((name.as_bytes().to_vec(), value));
            }
        }
        forge.finish(vec![(b"key".to_vec(), bucket_at(keys)), (b"meta".to_vec(), inline(&meta))])
    }

    /// What must be said of the file, apart from the hash over all of it.
    fn judge(&self, facts: &Facts, revision: i64) {
        assert_eq!(facts.revision, self.latest());
        assert_eq!(facts.live_keys, self.living_at(i64::MAX).len() as u64);
        assert_eq!(facts.hash_kv.revision, revision);
        assert_eq!(facts.hash_kv.hash, self.hash(revision));
        let compact = if self.compact() > 0 { self.compact() } else { -1 };
        assert_eq!(facts.hash_kv.compact_revision, compact);
        assert_eq!(facts.compact_revision, self.finished);
    }
}

prop_compose! {
    fn histories(most: usize)(
        changes in prop::collection::vec((0..most as u16 / 3 + 2, any::<Option<u8>>(), any::<bool>()), 0..most),
        finished in any::<prop::sample::Index>(),
        scheduled in any::<prop::sample::Index>(),
        compactions in 0..4,
    ) -> History {
        let (mut revision, mut sub) = (1, 0);
        let mut all: Vec<Change> = Vec::new();
        for (key, value, is_same_transaction) in changes {
            // A transaction changes a key once.
            let is_first = all.iter().rev().take_while(|c| c.revision == revision).all(|c| c.key != key);
            if is_same_transaction && is_first && revision > 1 {
                sub += 1;
            } else {
                (revision, sub) = (revision + 1, 0);
            }
            all.push(Change { revision, sub, key, value });
        }
        let at = |index: prop::sample::Index| 1 + index.index(revision as usize) as i64;
        let (finished, scheduled) = match compactions {
            0 => (0, 0),
            1 => (at(finished), at(finished)),
            2 => (0, at(scheduled)),
            _ => (at(finished), at(finished).max(at(scheduled))),
        };
        History { changes: all, finished, scheduled }.compacted()
    }
}

fn options(revision: i64, memory: usize) -> Options {
    Options { hash_revision: Some(revision), memory, ..Options::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_has_the_keys_and_the_hash_of_the_rules(
        history in histories(60),
        at in any::<prop::sample::Index>(),
        page_power in 9..13,
        fan in 2..9_usize,
    ) {
        let from = history.compact().max(1);
        let revision = from + at.index((history.latest() - from + 1) as usize) as i64;
        let file = history.file(1_usize << page_power, fan);
        let facts = describe(&file[..], &options(revision, 24 << 20)).unwrap();
        history.judge(&facts, revision);
    }
}

/// Key after key, each changed several times, over and over.
fn long(changes: i64, keys: i64, compacted: i64) -> History {
    let changes = (0..changes)
        .map(|number| Change {
            revision: 2 + number,
            sub: 0,
            key: ((number * 7919) % keys) as u16,
            value: (number % 5 != 0).then_some(number as u8),
        })
        .collect();
    // Not finished, so that much of the compacted history is still there to be left out.
    History { changes, finished: 0, scheduled: compacted }
}

#[test]
fn memory_too_small_for_one_pass_changes_nothing_that_is_said() {
    let history = long(12_000, 5_000, 9_000);
    let file = history.file(4096, 40);
    let [little, much] = [0, 24 << 20].map(|memory| {
        let facts = describe(&file[..], &options(11_000, memory)).unwrap();
        history.judge(&facts, 11_000);
        facts
    });
    assert_eq!(little, much);
}

#[test]
fn etcdutl_says_of_a_forged_file_what_the_model_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forged");
    for (changes, keys, compacted) in [(300, 90, 0), (300, 90, 200), (900, 300, 900)] {
        let history = long(changes, keys, compacted);
        std::fs::write(&path, history.file(4096, 30)).unwrap();
        let status = judge::status(Version::V3_6, &path);
        assert_eq!(status.total_keys, history.living_at(i64::MAX).len() as u64);
        for revision in [compacted.max(1), history.latest() - 1, history.latest()] {
            let compact = if compacted > 0 { compacted } else { -1 };
            let model = (history.hash(revision).into(), revision, compact);
            assert_eq!(judge::hash_of_file(&path, revision), model, "{compacted}");
        }
    }
}
