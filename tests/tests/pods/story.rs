// SPDX-License-Identifier: Apache-2.0
//! What a user wants of the pods: a backup every night, a restore that is the same, retention that holds.

use serde_json::Value;

use crate::bed::{Bed, Settings, payload};
use crate::pod::{Ended, Pod};
use crate::store;

/// The tallies that the proxy left in its last word.
pub(crate) fn last_tallies(ended: &Ended) -> u64 {
    let line = ended.message.lines().last().unwrap_or_default();
    let word: Value = serde_json::from_str(line).unwrap_or_default();
    payload(&word["facts"])
}

/// A sidecar ends after the container that it serves, and well.
fn assert_proxy_ended_last(pod: &Pod, main: &str) -> Ended {
    let proxy = pod.ended("s3-resign-proxy").expect("the proxy has ended");
    let main = pod.ended(main).expect("the main container has ended");
    assert_eq!((main.exit, proxy.exit), (0, 0), "{main:?} {proxy:?}");
    assert!(proxy.at >= main.at, "the proxy ended before its caller: {proxy:?} {main:?}");
    assert!(proxy.message.starts_with("stopped when asked"), "{}", proxy.message);
    proxy
}

#[test]
fn backups_restore_to_the_same_tree_while_their_credentials_change() {
    let bytes = 32 << 20;
    let bed = Bed::open("story", Settings { bytes, ..Settings::default() });
    bed.create_repository();

    let before = store::issued(bed.api(), &bed.namespace).expect("the issuer's counts");
    bed.hold(bytes / 2);
    bed.start_backup("one");
    bed.await_issued(before + 5);
    bed.release();
    bed.assert_complete("one");
    let sets = store::issued(bed.api(), &bed.namespace).expect("the issuer's counts") - before;
    let pod = bed.pods_of("one").expect("pods").pop().expect("a pod");
    let proxy = assert_proxy_ended_last(&pod, "snapshot");
    assert!(last_tallies(&proxy) >= bytes, "{}", proxy.message);

    bed.job_from("kopia-backup", "two").expect("a second backup");
    bed.assert_complete("two");
    let text = bed.kopia("list", &["snapshot", "list", "--all", "--json"]).expect("a list");
    let list: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let sources: Vec<String> = list.iter().map(|one| one["source"].to_string()).collect();
    assert_eq!(list.len(), 2, "{text}");
    assert_eq!(sources[0], sources[1], "two pods made one source");
    assert_eq!(list[0]["source"]["host"], bed.namespace.as_str());

    bed.job_from("kopia-maintenance", "weekly").expect("a job from the CronJob");
    bed.assert_complete("weekly");

    bed.start_restore();
    bed.assert_complete("kopia-restore");
    let pod = bed.pods_of("kopia-restore").expect("pods").pop().expect("a pod");
    let proxy = assert_proxy_ended_last(&pod, "restore");
    assert!(last_tallies(&proxy) >= bytes, "{}", proxy.message);
    bed.assert_restored();
    println!("story: {sets} sets of credentials in one backup of {bytes} bytes");
}

/// More than `--keep-latest` in a row: the newest stay, and they can be restored.
#[test]
fn retention_counts_the_snapshots_of_all_pods_as_one_source() {
    let bed = Bed::open("keep", Settings { bytes: 1 << 20, ..Settings::default() });
    bed.create_repository();
    bed.apply("kopia-backup").expect("pods/kopia-backup");
    let keep =
        ["policy", "set", "--global", "--keep-latest=2", "--keep-daily=0", "--keep-weekly=0"];
    let keep = [&keep[..], &["--keep-monthly=0", "--keep-annual=0"]].concat();
    bed.kopia("policy", &keep).expect("a policy");
    let mut newest = Value::Null;
    for job in ["one", "two", "three"] {
        bed.job_from("kopia-backup", job).expect("a job from the CronJob");
        bed.assert_complete(job);
        let text = bed
            .kopia(&format!("list-{job}"), &["snapshot", "list", "--all", "--json"])
            .expect("a list");
        let list: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        let last = list.last().expect("a snapshot")["id"].clone();
        assert_ne!(last, newest, "{job} is in the list");
        assert!(list.len() <= 2, "{job}: {text}");
        newest = last;
    }
    bed.start_restore();
    bed.assert_complete("kopia-restore");
    bed.assert_restored();
}

#[test]
fn the_same_specs_run_on_an_image_without_shell_user_or_directories() {
    let bed = Bed::open("bare", Settings { kopia: "kopia-no-shell", ..Settings::default() });
    bed.back_up();
    bed.start_restore();
    bed.assert_complete("kopia-restore");
    bed.assert_restored();
}
