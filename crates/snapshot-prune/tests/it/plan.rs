// SPDX-License-Identifier: Apache-2.0
//! The plan, and that it is what is done.

use crate::{PLACE, folder_of, hourly, prune, there};

#[test]
fn without_apply_the_plan_is_told_and_nothing_is_changed() {
    let samples = hourly(PLACE, 6);
    let folder = folder_of(&samples);
    let before = folder.tree();
    let ended = prune(&folder, &["--keep-last", "2", "--min-keep", "1"]).end();
    ended.assert(0, &["would delete 4 snapshots and 0 leftovers", "--apply"]);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 6, "{}", ended.stdout);
    for (line, sample) in lines.iter().zip(&samples) {
        assert!(line.starts_with(&sample.id().to_string()), "{}", ended.stdout);
    }
    assert!(lines[0].ends_with("keep: newest, min-keep, last"), "{}", lines[0]);
    assert!(lines[1].ends_with("keep: last"), "{}", lines[1]);
    assert!(lines[2..].iter().all(|line| line.ends_with("delete: no rule keeps it")));
    assert_eq!(folder.tree(), before);
}

#[test]
fn with_apply_the_plan_is_done_and_a_second_run_finds_nothing_to_do() {
    let samples = hourly(PLACE, 6);
    let folder = folder_of(&samples);
    let args = ["--keep-last", "2", "--min-keep", "1", "--apply"];
    prune(&folder, &args).end().assert(0, &["deleted 4 snapshots and 0 leftovers"]);
    assert_eq!(there(&folder, &samples), [0, 1]);
    let after = folder.tree();
    prune(&folder, &args).end().assert(0, &["deleted 0 snapshots"]);
    assert_eq!(folder.tree(), after);
}

#[test]
fn each_rule_keeps_what_it_says() {
    let ages = [0, 1, 30, 31, 24 * 45, 24 * 90];
    let samples: Vec<_> = ages.map(|hours| stock::Sample::new(PLACE, hours)).into();
    for (flag, value, kept) in [
        ("--keep-last", "3", &[0, 1, 2][..]),
        ("--keep-within", "30h", &[0, 1, 2]),
        ("--keep-hourly", "3", &[0, 1, 2]),
        ("--keep-monthly", "99", &[0, 4, 5]),
    ] {
        let folder = folder_of(&samples);
        prune(&folder, &[flag, value, "--min-keep", "1", "--apply"]).end().assert(0, &[]);
        let there = there(&folder, &samples);
        assert!(kept.iter().all(|it| there.contains(it)), "{flag}: {there:?}");
        assert!(there.len() <= kept.len() + 1, "{flag}: {there:?}");
    }
}

#[test]
fn at_most_so_many_are_deleted_and_the_oldest_first() {
    let samples = hourly(PLACE, 7);
    let folder = folder_of(&samples);
    let args = ["--keep-last", "1", "--min-keep", "1", "--max-deletions", "2"];
    prune(&folder, &args).end().assert(0, &["would delete 2", "4 more", "--max-deletions"]);
    let applied = [&args[..], &["--apply"]].concat();
    prune(&folder, &applied).end().assert(0, &["deleted 2 snapshots", "4 more"]);
    assert_eq!(there(&folder, &samples), [0, 1, 2, 3, 4]);
}

#[test]
fn the_plan_is_one_json_document_for_a_program() {
    let samples = hourly(PLACE, 3);
    let folder = folder_of(&samples);
    folder.write("ns/etcd/README.txt", "of another tool");
    folder.write_old("ns/etcd/2026-01-01T00-00-00Z-00000000.snap", "orphan", 24 * 8);
    folder.write_old(&format!("ns/etcd/runs/{}.json", "0a".repeat(32)), "{}", 24 * 8);
    let ended = prune(&folder, &["--keep-last", "1", "--min-keep", "2", "--json"]).end();
    let plan = ended.assert(0, &["would delete 1 snapshots and 2 leftovers"]).json();
    let of = |at: usize, field: &str| plan["snapshots"][at][field].clone();
    assert_eq!(of(0, "rules"), serde_json::json!(["newest", "min-keep", "last"]));
    assert_eq!(of(1, "rules"), serde_json::json!(["min-keep"]));
    assert_eq!((of(2, "keep"), of(2, "id")), (false.into(), samples[2].id().to_string().into()));
    assert_eq!(plan["orphans"][0], "ns/etcd/2026-01-01T00-00-00Z-00000000.snap");
    assert_eq!((&plan["old_run_records"], &plan["foreign"]), (&1.into(), &1.into()));
    assert_eq!(ended.facts["deleted"], 0);
}
