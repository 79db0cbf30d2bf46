// SPDX-License-Identifier: Apache-2.0
//! Databases that contradict themselves, each in one way.

use etcd_image::{AlarmKind, Error, Facts, Options, TrailerMode, describe};

use crate::forge::{Entries, Forge, branch, bucket_at, inline, leaf};
use crate::repair;

const PAGE: usize = 4096;

fn revision(main: i64) -> Vec<u8> {
    [&main.to_be_bytes()[..], b"_", &[0; 8]].concat()
}

fn change(main: i64) -> (Vec<u8>, Vec<u8>) {
    (revision(main), vec![0x0a, 1, b'a' + main as u8])
}

fn changes(count: i64) -> Entries {
    (2..count + 2).map(change).collect()
}

fn entry(key: &[u8], value: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (key.to_vec(), value.to_vec())
}

/// A file whose bucket `key` starts where `keys` says.
fn file(keys: impl FnOnce(&mut Forge) -> u64) -> Vec<u8> {
    let mut forge = Forge::new(PAGE);
    let root = keys(&mut forge);
    forge.finish(vec![entry(b"key", &bucket_at(root)), entry(b"meta", &inline(&vec![]))])
}

/// A file with one small bucket more, or with other entries in `meta`.
fn with(bucket: &[u8], entries: Entries) -> Vec<u8> {
    let mut forge = Forge::new(PAGE);
    let root = forge.tree(&changes(5), 9);
    let mut buckets = vec![entry(b"key", &bucket_at(root))];
    if bucket != b"meta" {
        buckets.push(entry(b"meta", &inline(&vec![])));
    }
    let value =
        if entries.len() > 20 { bucket_at(forge.tree(&entries, 50)) } else { inline(&entries) };
    buckets.push(entry(bucket, &value));
    forge.finish(buckets)
}

fn facts(file: &[u8]) -> Facts {
    describe(file, &Options::default()).unwrap()
}

fn refusal(file: &[u8]) -> Error {
    describe(file, &Options::default()).unwrap_err()
}

/// That the file is refused for what page `at` has.
fn corrupt(file: &[u8], at: u64, why: &str) {
    match refusal(file) {
        Error::Corrupt { page, what } => assert_eq!((page, what), (at, why)),
        other => panic!("{other}, and not {why}"),
    }
}

/// A page with some bytes changed.
fn changed(mut page: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    page[at..at + bytes.len()].copy_from_slice(bytes);
    page
}

#[test]
fn a_sound_file_is_described_whatever_its_pages_are() {
    for page_size in (9..=16).map(|power| 1_usize << power) {
        for count in [0, 1, 5, 90] {
            let mut forge = Forge::new(page_size);
            let root = forge.tree(&changes(count), 4);
            let file = forge
                .finish(vec![entry(b"key", &bucket_at(root)), entry(b"meta", &inline(&vec![]))]);
            let facts = facts(&file);
            assert_eq!((facts.total_keys, facts.live_keys), (count as u64, count as u64));
            assert_eq!((facts.page_size as usize, facts.revision), (page_size, 1 + count));
        }
    }
}

#[test]
fn values_and_keys_larger_than_what_is_held_are_read_to_their_end() {
    let long_key = vec![b'k'; 300_000];
    let message =
        [&[0x0a, 0xe0, 0xa7, 0x12][..], &long_key, &[0x2a, 0x80, 0x80, 0x40], &[7; 1 << 20]];
    let value = message.concat();
    let last = change(9);
    // The same key twice, at different places of what is held.
    let entries = vec![(revision(2), value.clone()), (revision(3), value), last];
    let facts = facts(&file(|forge| forge.page(leaf(&entries, false))));
    assert_eq!((facts.live_keys, facts.total_keys, facts.revision), (2, 3, 9));
    let mut status = crc32c::crc32c(b"key");
    for (key, value) in &entries {
        status = crc32c::crc32c_append(crc32c::crc32c_append(status, key), value);
    }
    assert_eq!(facts.status_hash, crc32c::crc32c_append(status, b"meta"));
}

#[test]
fn a_page_that_two_places_claim_is_found() {
    let claims = "two places claim it";
    let twice = file(|forge| {
        let child = forge.page(leaf(&changes(2), false));
        forge.page(branch(&[(revision(2), child), (revision(9), child)]))
    });
    corrupt(&twice, 2, claims);
    let itself = file(|forge| {
        let next = forge.next();
        forge.page(branch(&[(revision(2), next)]))
    });
    corrupt(&itself, 2, claims);
    let mut forge = Forge::new(PAGE);
    let root = forge.tree(&changes(2), 9);
    let buckets = ["key", "lease", "meta"].map(|name| entry(name.as_bytes(), &bucket_at(root)));
    corrupt(&forge.finish(buckets.to_vec()), root, claims);
}

#[test]
fn a_page_outside_the_database_is_never_read() {
    for child in [0, 1, 5, 1 << 40, u64::MAX] {
        let outside = file(|forge| forge.page(branch(&[(revision(2), child)])));
        corrupt(&outside, child, "a place names it that lies outside the database");
    }
    let mut longer = file(|forge| forge.page(leaf(&changes(2), false)));
    longer[2 * PAGE + 12..2 * PAGE + 16].copy_from_slice(&9_u32.to_le_bytes());
    corrupt(&longer, 2, "it goes on behind the database's end");
}

#[test]
fn a_page_that_is_none_of_a_tree_is_found() {
    let sound = || file(|forge| forge.page(leaf(&changes(2), false)));
    for flags in [0_u16, 3, 4, 16, 0xffff] {
        let other = changed(sound(), 2 * PAGE + 8, &flags.to_le_bytes());
        corrupt(&other, 2, "it is no page of a tree");
    }
    corrupt(&changed(sound(), 2 * PAGE, &[3]), 2, "it bears another number");
    let crowded = changed(sound(), 2 * PAGE + 10, &u16::MAX.to_le_bytes());
    corrupt(&crowded, 2, "it counts more elements than it holds");
    corrupt(&file(|forge| forge.page(branch(&[]))), 2, "it is a branch of an impossible size");
    let large =
        file(|forge| forge.page([branch(&[(revision(2), 9)]), vec![0; 300 << 10]].concat()));
    corrupt(&large, 2, "it is a branch of an impossible size");
}

#[test]
fn elements_that_overlap_or_leave_their_page_are_found() {
    let sound = leaf(&changes(2), false);
    let outside = "an element lies outside its place";
    // Position, key length and value length of the second element, which starts at byte 32.
    for (at, number) in
        [(36, 0_u32), (36, 16), (36, 5000), (36, u32::MAX), (44, 9999), (44, u32::MAX)]
    {
        let page = changed(sound.clone(), at, &number.to_le_bytes());
        corrupt(&file(|forge| forge.page(page)), 2, outside);
    }
    for len in [0, 32_769, u32::MAX] {
        let page = changed(sound.clone(), 40, &len.to_le_bytes());
        corrupt(&file(|forge| forge.page(page)), 2, "a key is empty or longer than any");
    }
    let page = changed(branch(&[(revision(2), 9)]), 16, &5000_u32.to_le_bytes());
    corrupt(&file(|forge| forge.page(page)), 2, outside);
}

#[test]
fn keys_out_of_order_are_found_wherever_they_are() {
    let unordered = "its keys are not in order";
    for pair in [[3, 2], [2, 2]] {
        let page = leaf(&pair.map(change), false);
        corrupt(&file(|forge| forge.page(page)), 2, unordered);
    }
    let between_leaves = file(|forge| {
        let a = forge.page(leaf(&[change(2), change(7)], false));
        let b = forge.page(leaf(&[change(6)], false));
        forge.page(branch(&[(revision(2), a), (revision(6), b)]))
    });
    corrupt(&between_leaves, 4, unordered);
    let below_its_branch = file(|forge| {
        let a = forge.page(leaf(&[change(2)], false));
        forge.page(branch(&[(revision(3), a)]))
    });
    corrupt(&below_its_branch, 2, unordered);
    let branches = file(|forge| {
        let a = forge.page(leaf(&[], false));
        let b = forge.page(leaf(&[], false));
        forge.page(branch(&[(revision(3), a), (revision(2), b)]))
    });
    corrupt(&branches, 4, unordered);
}

#[test]
fn keys_behind_what_is_held_are_in_order_too() {
    let value = [&[0x2a, 0x80, 0x80, 0x08][..], &[1; 1 << 17]].concat();
    let entries = [(revision(5), value), change(4)];
    corrupt(&file(|forge| forge.page(leaf(&entries, false))), 2, "its keys are not in order");
}

#[test]
fn a_tree_deeper_than_any_is_not_followed_to_its_end() {
    let deep = file(|forge| {
        let bottom = forge.page(leaf(&changes(1), false));
        (0..60).fold(bottom, |child, _| forge.page(branch(&[(revision(2), child)])))
    });
    assert!(matches!(refusal(&deep), Error::Corrupt { what: "the tree is deeper than any", .. }));
}

#[test]
fn what_is_no_bucket_where_one_should_be_is_found() {
    let mut forge = Forge::new(PAGE);
    let plain = forge.page(leaf(&[entry(b"key", b"value"), entry(b"meta", b"")], false));
    corrupt(&forge.finish_at(plain), 2, "an entry among the buckets is none");

    let short = Forge::new(PAGE).finish(vec![entry(b"key", &[0; 15])]);
    corrupt(&short, 2, "a bucket in it is too short");
    let shorter = Forge::new(PAGE).finish(vec![entry(b"key", &[0; 20]), entry(b"meta", &[0; 20])]);
    corrupt(&shorter, 2, "a bucket in it is too short");

    let inner = [bucket_at(0), branch(&[(revision(2), 9)])].concat();
    let buckets = vec![entry(b"key", &inline(&vec![])), entry(b"meta", &inner)];
    corrupt(&Forge::new(PAGE).finish(buckets), 2, "a bucket in it is no leaf");

    let nested = file(|forge| forge.page(leaf(&[(revision(2), inline(&vec![]))], true)));
    corrupt(&nested, 2, "a bucket lies in a bucket");
}

#[test]
fn more_than_any_etcd_has_is_refused_before_it_costs_memory() {
    let mut forge = Forge::new(PAGE);
    let many: Entries =
        (0..300).map(|number| (format!("{number:04}").into_bytes(), inline(&vec![]))).collect();
    let root = forge.page(leaf(&many, true));
    assert!(matches!(refusal(&forge.finish_at(root)), Error::Limit { limit: 256, .. }));

    let ids = |number: u64| format!("{number:016x}").into_bytes();
    let members = (0..2000).map(|number| (ids(number), b"{}".to_vec())).collect();
    assert!(matches!(refusal(&with(b"members", members)), Error::Limit { limit: 1024, .. }));
    let alarms = (0..2000_u64).map(|number| (ids(number), Vec::new())).collect::<Entries>();
    // Sixteen digits are no message; eight bytes as fixed-size fields are one.
    let alarms = alarms.into_iter().map(|(id, none)| ([&[0x19][..], &id[8..]].concat(), none));
    assert!(matches!(refusal(&with(b"alarm", alarms.collect())), Error::Limit { .. }));
}

#[test]
fn entries_that_are_no_changes_of_keys_are_found() {
    let no_revision = "an entry's key is no revision";
    let negative = [&[0xff; 8][..], b"_", &[0; 8]].concat();
    let keys: [Vec<u8>; 5] = [
        b"short".to_vec(),
        revision(2)[..16].to_vec(),
        [revision(2), b"tt".to_vec()].concat(),
        revision(2).iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect(),
        negative,
    ];
    for key in keys {
        corrupt(&file(|forge| forge.page(leaf(&[(key, vec![])], false))), 2, no_revision);
    }
    let no_message = "an entry holds no key and value";
    let long_number = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let many_fields = [0x08, 1].repeat(65);
    let values: [&[u8]; 8] = [
        b"\x0a",
        b"\x0a\x05abc",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01abc",
        b"\x00\x01",
        b"\x0b",
        b"\x09abc",
        &long_number,
        &many_fields,
    ];
    for value in values {
        let page = leaf(&[(revision(2), value.to_vec())], false);
        corrupt(&file(|forge| forge.page(page)), 2, no_message);
    }
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    let value = [&b"\x0a\x01a"[..], b"\x41\0\0\0\0\0\0\0\0", b"\x45\0\0\0\0", b"\x48\x01"].concat();
    let file = file(|forge| forge.page(leaf(&[(revision(2), value)], false)));
    assert_eq!(facts(&file).live_keys, 1);
}

#[test]
fn an_entry_without_key_and_value_raises_the_revision_as_a_restore_does() {
    let file = file(|forge| forge.page(leaf(&[change(2), (revision(1000), vec![])], false)));
    assert_eq!((facts(&file).revision, facts(&file).live_keys), (1000, 2));
}

#[test]
fn what_the_small_buckets_say_is_read() {
    let meta = with(
        b"meta",
        vec![
            entry(b"consistent_index", &77_u64.to_be_bytes()),
            entry(b"storageVersion", b"3.6.0"),
            entry(b"term", &5_u64.to_be_bytes()),
            entry(b"unknown", b"anything"),
        ],
    );
    let facts_of_meta = facts(&meta);
    assert_eq!((facts_of_meta.consistent_index, facts_of_meta.term), (77, 5));
    assert_eq!(facts_of_meta.storage_version.as_deref(), Some("3.6.0"));
    let alarms = facts(&with(
        b"alarm",
        vec![
            entry(b"\x08\x07\x10\x01", b""),
            entry(b"\x08\x07\x10\x02", b""),
            entry(b"\x08\x08\x10\x09", b""),
        ],
    ))
    .alarms;
    let told: Vec<_> = alarms.iter().map(|alarm| (alarm.member, alarm.kind)).collect();
    let kinds = [AlarmKind::Nospace, AlarmKind::Corrupt, AlarmKind::Unknown(9)];
    assert_eq!(told, [(7, kinds[0]), (7, kinds[1]), (8, kinds[2])]);
    assert!(!facts(&with(b"auth", vec![entry(b"authEnabled", b"\x01\x01")])).auth_enabled);
    assert!(facts(&with(b"auth", vec![entry(b"authEnabled", b"\x01")])).auth_enabled);
    let removed = with(b"members_removed", vec![entry(b"0000000000000001", b"removed")]);
    assert!(facts(&removed).members.is_empty());
}

#[test]
fn what_the_small_buckets_cannot_mean_is_found() {
    let found = |bucket: &[u8], key: &[u8], value: &[u8], why: &str| {
        let file = with(bucket, vec![entry(key, value)]);
        assert!(matches!(refusal(&file), Error::Corrupt { what, .. } if what == why), "{why}");
    };
    found(b"meta", b"consistent_index", b"1234567", "an index or a term is no number");
    found(b"meta", b"term", b"123456789", "an index or a term is no number");
    found(b"meta", b"finishedCompactRev", b"17", "a compact revision is none");
    found(b"meta", b"scheduledCompactRev", &[b'1'; 99], "a compact revision is none");
    found(b"meta", b"storageVersion", b"\xff", "a version is none");
    found(b"meta", b"storageVersion", &[b'1'; 65], "a version is none");
    found(b"cluster", b"clusterVersion", b"3.6\n", "a version is none");
    found(b"members", b"no id", b"{}", "a member cannot be read");
    found(b"members", b"0123456789abcdef", b"{", "a member cannot be read");
    found(b"members", b"0123456789abcdef", b"7", "a member cannot be read");
    found(b"alarm", b"\x0b", b"", "an alarm cannot be read");
}

#[test]
fn one_whole_meta_page_is_enough_and_the_later_one_counts() {
    let sound = file(|forge| forge.page(leaf(&changes(3), false)));
    let described = facts(&sound);
    for broken in [0, 1] {
        let half = changed(sound.clone(), broken * PAGE + 30, &[0xff; 4]);
        assert_eq!(facts(&half), described, "without page {broken}");
    }
    // The later of the two, as forged, is the second.
    let mut other_root = changed(sound.clone(), PAGE + 32, &2_u64.to_le_bytes());
    repair::seal(&mut other_root);
    assert!(matches!(refusal(&other_root), Error::Corrupt { page: 2, .. }));
    let mut other_root = changed(sound.clone(), 32, &2_u64.to_le_bytes());
    repair::seal(&mut other_root);
    assert_eq!(facts(&other_root), described);
}

#[test]
fn meta_pages_that_say_nonsense_are_refused() {
    let sound = file(|forge| forge.page(leaf(&changes(3), false)));
    let both = |at: usize, bytes: &[u8]| {
        let mut file = changed(changed(sound.clone(), at, bytes), PAGE + at, bytes);
        repair::seal(&mut file);
        file
    };
    let damaged = "both meta pages are damaged";
    for size in [0_u32, 256, 4095, 1 << 17, u32::MAX] {
        corrupt(&both(24, &size.to_le_bytes()), 0, damaged);
    }
    corrupt(&both(20, &3_u32.to_le_bytes()), 0, damaged);
    corrupt(&both(8, &2_u16.to_le_bytes()), 0, damaged);
    corrupt(&both(48, &4_u64.to_le_bytes()), 0, damaged);
    for root in [0, 1, 4, u64::MAX] {
        corrupt(&both(32, &root.to_le_bytes()), 1, "its root lies outside the database");
    }
    for pages in [5_u64, u64::MAX] {
        let error = refusal(&both(56, &pages.to_le_bytes()));
        assert!(matches!(error, Error::Cut { expected: Some(bytes), .. } if bytes > 20_000));
    }
    let neither = changed(changed(sound, 16, &[1]), PAGE + 16, &[1]);
    assert!(matches!(refusal(&neither), Error::NotEtcd { .. }));
}

#[test]
fn a_data_directorys_file_has_no_trailer_and_may_be_longer() {
    let sound = file(|forge| forge.page(leaf(&changes(3), false)));
    let options = Options { trailer: TrailerMode::Absent, ..Options::default() };
    let image = &sound[..sound.len() - 32];
    let longer = [image, &[0; 3 * PAGE + 5]].concat();
    assert_eq!(describe(&longer, &options).unwrap().total_keys, 3);
    let error = describe(&image[..3 * PAGE], &options).unwrap_err();
    assert!(
        matches!(error, Error::Cut { expected: Some(bytes), .. } if bytes == image.len() as u64)
    );
    let error = describe(&image[..70], &options).unwrap_err();
    assert!(matches!(error, Error::Cut { bytes: 70, expected: None }));
}

#[test]
fn only_revisions_that_the_file_holds_are_hashed() {
    let file = with(b"meta", vec![entry(b"finishedCompactRev", &revision(3))]);
    let hash = |asked| {
        describe(&file, &Options { hash_revision: asked, ..Options::default() })
            .map(|facts| facts.hash_kv.revision)
    };
    for asked in [None, Some(0), Some(6)] {
        assert_eq!(hash(asked).unwrap(), 6);
    }
    assert_eq!(hash(Some(3)).unwrap(), 3);
    for asked in [-1, i64::MIN, 2, 7, i64::MAX] {
        let error = hash(Some(asked)).unwrap_err();
        let text =
            format!("revision {asked} cannot be hashed: the snapshot holds those from 3 to 6");
        assert_eq!(error.to_string(), text);
    }
}
