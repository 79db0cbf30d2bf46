// SPDX-License-Identifier: Apache-2.0
//! Snapshot streams that are not whole: no object, and the right exit code.

use bytes::Bytes;

use crate::bed::{Bed, small};
use crate::fake_etcd::{Answers, FakeEtcd, Step, healthy, member};

fn run(bed: &Bed, answers: Answers, more: &[&str]) -> crate::bed::Ended {
    let etcd = FakeEtcd::start(answers);
    bed.upload(&["etcd", "--endpoint", &etcd.url()]).args(more).end()
}

#[test]
fn a_whole_stream_is_committed_under_both_meanings_of_what_remains() {
    let (bed, snapshot) = (Bed::new(), small());
    run(&bed, member(healthy(&snapshot)), &[]).assert(0, &["committed", "revision"]);
    bed.assert_one_whole("counting the data");

    let bed = Bed::new();
    let counting_the_digest = healthy(&snapshot).into_iter().map(|step| match step {
        Step::Message(left, bytes) if bytes.len() > 32 => Step::Message(left + 32, bytes),
        step => step,
    });
    run(&bed, member(counting_the_digest.collect()), &[]).assert(0, &["committed"]);
    bed.assert_one_whole("counting the digest");
}

#[test]
fn a_stream_that_is_cut_at_any_message_is_not_published() {
    let bed = Bed::new();
    let whole = healthy(&small());
    for messages in 0..whole.len() - 1 {
        for end in [Step::End, Step::Reset, Step::Error(14, "going away")] {
            let mut steps: Vec<Step> = whole[..messages].to_vec();
            steps.push(end.clone());
            let ended = run(&bed, member(steps), &[]);
            let expected = match end {
                Step::End if messages > 0 => 65,
                _ => 75,
            };
            assert_eq!(ended.code, expected, "{messages} {end:?}: {}", ended.sentence);
            bed.assert_empty(&format!("{messages} messages, then {end:?}"));
        }
    }
}

#[test]
fn a_stream_that_is_cut_at_any_byte_is_not_published() {
    let (bed, snapshot) = (Bed::new(), small());
    let length = snapshot.len();
    // Prime steps reach every offset in a page sooner or later.
    let cuts =
        [1, 31, 32, 33, 511, 512, 544, 4096, 4128, 20_011, length - 33, length - 32, length - 1];
    for cut in cuts {
        let bytes = Bytes::copy_from_slice(&snapshot[..cut]);
        let left = (length - cut) as u64;
        let ended = run(&bed, member(vec![Step::Message(left, bytes), Step::End]), &[]);
        ended.assert(65, &["not good"]);
        bed.assert_empty(&format!("cut at {cut}"));
    }
}

#[test]
fn a_digest_that_is_wrong_or_comes_first_is_found() {
    let (bed, snapshot) = (Bed::new(), small());
    let mut flipped = snapshot.clone();
    flipped[20_000] ^= 1;
    run(&bed, member(healthy(&flipped)), &[]).assert(65, &["damaged", "SHA-256"]);
    let mut wrong = snapshot.clone();
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    run(&bed, member(healthy(&wrong)), &[]).assert(65, &["damaged"]);
    let mut turned = healthy(&snapshot);
    let end = turned.pop().unwrap();
    turned.rotate_right(1);
    turned.push(end);
    let ended = run(&bed, member(turned), &[]);
    assert_eq!(ended.code, 65, "{}", ended.sentence);
    bed.assert_empty("a bad digest");
}

#[test]
fn a_stream_that_stands_still_is_given_up_whatever_it_sends() {
    let (bed, snapshot) = (Bed::new(), small());
    let first = || healthy(&snapshot)[0].clone();
    for steps in [
        vec![Step::Silence],
        vec![first(), Step::Silence],
        vec![first(), Step::EmptyForEver(20_512)],
        vec![Step::EmptyForEver(53_248)],
    ] {
        run(&bed, member(steps), &[]).assert(75, &["gave no byte for 2s"]);
        bed.assert_empty("a stalled stream");
    }
}

#[test]
fn a_count_that_does_not_fall_is_found() {
    let (bed, snapshot) = (Bed::new(), small());
    let stuck = healthy(&snapshot).into_iter().map(|step| match step {
        Step::Message(_, bytes) => Step::Message(40_000, bytes),
        step => step,
    });
    run(&bed, member(stuck.collect()), &[]).assert(65, &["still left, as before"]);
    bed.assert_empty("a stuck count");
}

#[test]
fn a_source_that_announces_too_much_is_refused_at_its_first_message() {
    let bed = Bed::new();
    let announced = vec![Step::Message(1 << 50, Bytes::from(vec![0; 1000])), Step::Silence];
    run(&bed, member(announced), &[]).assert(75, &["announces", "spool"]);
    let grows = vec![
        Step::Message(3000, Bytes::from(vec![0; 1000])),
        Step::Message(2000, Bytes::from(vec![0; 90_000])),
        Step::Silence,
    ];
    run(&bed, member(grows), &["--spool-limit", "50KB"]).assert(75, &["gave more"]);
    bed.assert_empty("too large a source");
}

#[test]
fn a_member_behind_the_quorum_is_not_taken() {
    let bed = Bed::new();
    let stale = Answers { revision: 1_000_000, ..member(healthy(&small())) };
    run(&bed, stale, &[]).assert(75, &["behind the cluster", "1000000"]);
    bed.assert_empty("a stale member");
}

#[test]
fn a_corrupt_alarm_ends_the_run_before_the_stream() {
    let bed = Bed::new();
    let corrupt = Answers { alarm: 2, ..member(healthy(&small())) };
    let etcd = FakeEtcd::start(corrupt);
    let ended = bed.upload(&["etcd", "--endpoint", &etcd.url()]).end();
    ended.assert(65, &["CORRUPT", "a1"]);
    assert!(!etcd.calls.lock().unwrap().contains(&"Snapshot".to_owned()));
    bed.assert_empty("a CORRUPT alarm");
}

#[test]
fn a_member_with_other_data_is_not_backed_up() {
    let bed = Bed::new();
    let other = Answers { hash_kv: (42, 0), ..member(healthy(&small())) };
    // The hash compares only under the file's own compact revision, so the fake says that one.
    let compact = etcd_image::describe(&small(), &etcd_image::Options::default()).unwrap();
    let other = Answers { hash_kv: (42, compact.hash_kv.compact_revision), ..other };
    run(&bed, other, &["--compare-members"]).assert(65, &["different data", "42"]);
    bed.assert_empty("a diverged member");
    let same = (compact.hash_kv.hash, compact.hash_kv.compact_revision);
    let same = Answers { hash_kv: same, ..member(healthy(&small())) };
    run(&bed, same, &["--compare-members"]).assert(0, &["the same on 1 member"]);
    assert_eq!(bed.manifest()["facts"]["etcd"]["hash_kv"]["agreed"], serde_json::json!(["a1"]));
}
