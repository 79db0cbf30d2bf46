// SPDX-License-Identifier: Apache-2.0
//! A bounded table whose entries end by time: what is over goes first, then what was used longest ago, of
//! kin that have more than their share before others.

use std::collections::HashMap;
use std::hash::Hash;

use tokio::time::Instant;

/// At most `most` values. Values are dropped the moment they are removed.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    slots: HashMap<K, Slot<V>>,
    most: usize,
    uses: u64,
    kin: fn(&K, &K) -> bool,
}

/// Kin that hold this part of a full table make room for their own.
const SHARE: usize = 4;

#[derive(Debug)]
struct Slot<V> {
    value: V,
    until: Instant,
    used: u64,
}

impl<K: Eq + Hash + Clone, V> Table<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self::of_kin(most, |_, _| false)
    }

    /// One in which those whom `kin` calls such share a part of the room.
    pub(crate) fn of_kin(most: usize, kin: fn(&K, &K) -> bool) -> Self {
        Self { slots: HashMap::new(), most: most.max(1), uses: 0, kin }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The value, unless its time is over. It counts as used now.
    pub(crate) fn get(&mut self, key: &K, now: Instant) -> Option<&V> {
        self.uses += 1;
        let slot = self.slots.get_mut(key).filter(|slot| slot.until > now)?;
        slot.used = self.uses;
        Some(&slot.value)
    }

    /// Puts a value in, until then. True if another one, still good, had to go.
    pub(crate) fn put(&mut self, key: K, value: V, until: Instant, now: Instant) -> bool {
        let mut evicted = false;
        if !self.slots.contains_key(&key) && self.slots.len() >= self.most {
            self.purge(now);
            evicted = self.slots.len() >= self.most && self.drop_least_used(&key);
        }
        self.uses += 1;
        self.slots.insert(key, Slot { value, until, used: self.uses });
        evicted
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.slots.remove(key).map(|slot| slot.value)
    }

    /// Drops what is over.
    pub(crate) fn purge(&mut self, now: Instant) {
        self.slots.retain(|_, slot| slot.until > now);
    }

    fn drop_least_used(&mut self, new: &K) -> bool {
        let kin = self.slots.keys().filter(|key| (self.kin)(key, new)).count();
        let is_over = kin >= self.most.div_ceil(SHARE);
        let candidates = self.slots.iter().filter(|(key, _)| !is_over || (self.kin)(key, new));
        let oldest = candidates.min_by_key(|(_, slot)| slot.used).map(|(key, _)| key.clone());
        oldest.is_some_and(|key| self.slots.remove(&key).is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_entry_ends_by_time_whether_it_is_asked_for_or_not() {
        let (mut table, now) = (Table::new(9), Instant::now());
        table.put("a", 1, now + SECOND, now);
        assert_eq!(table.get(&"a", now), Some(&1));
        assert_eq!(table.get(&"a", now + SECOND), None);
        table.purge(now + SECOND);
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn what_is_over_goes_before_what_was_used_long_ago() {
        let (mut table, now) = (Table::new(2), Instant::now());
        table.put("old", 1, now + 9 * SECOND, now);
        table.put("over", 2, now + SECOND, now);
        assert!(!table.put("new", 3, now + 9 * SECOND, now + SECOND));
        assert!(table.get(&"old", now + SECOND).is_some());
    }

    #[test]
    fn a_full_table_drops_what_was_used_longest_ago() {
        let (mut table, now) = (Table::new(2), Instant::now());
        table.put("a", 1, now + SECOND, now);
        table.put("b", 2, now + SECOND, now);
        table.get(&"a", now);
        assert!(table.put("c", 3, now + SECOND, now));
        assert!(table.get(&"b", now).is_none() && table.get(&"a", now).is_some());
        assert!(!table.put("a", 4, now + SECOND, now), "a replaced value evicts nobody");
    }

    #[test]
    fn kin_beyond_their_share_make_room_for_their_own() {
        let (mut table, now) = (Table::of_kin(8, |a: &(u8, u8), b| a.0 == b.0), Instant::now());
        let until = now + SECOND;
        table.put((0, 0), (), until, now);
        for run in 0..100 {
            table.put((1, run), (), until, now);
        }
        assert!(table.get(&(0, 0), now).is_some(), "another's, used longest ago, is still there");
        assert!(table.get(&(1, 99), now).is_some() && table.get(&(1, 50), now).is_none());
    }

    proptest! {
        #[test]
        fn no_order_of_events_exceeds_the_bound(
            events in proptest::collection::vec((0_u8..20, 0_u64..5, 0_u64..9), 0..200),
        ) {
            let begin = Instant::now();
            let mut table = Table::new(7);
            for (key, life, at) in events {
                let now = begin + SECOND * u32::try_from(at).unwrap();
                table.put(key, (), now + Duration::from_secs(life), now);
                prop_assert!(table.len() <= 7);
            }
        }
    }
}
