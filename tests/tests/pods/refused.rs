// SPDX-License-Identifier: Apache-2.0
//! What is set up wrongly: nothing runs, and `kubectl describe` says what and why.

use crate::bed::{Bed, End, Settings};
use crate::store;

/// Fails, as a job whose pods cannot work does, and is described with these words.
fn assert_fails_saying(bed: &Bed, job: &str, words: &[&str]) {
    let end = bed.end_of(job).expect("an end");
    assert!(matches!(end, End::Failed(..)), "{end:?}\n{}", bed.story());
    let described = bed.describe(job);
    for word in words {
        assert!(described.contains(word), "{word:?} in {described}");
    }
}

/// One attempt, so that the end comes soon.
fn impatient(pods: &str, seconds: u32) -> String {
    let (kind, path) = match pods {
        "kopia-backup" => ("CronJob", "/spec/jobTemplate/spec"),
        _ => ("Job", "/spec"),
    };
    format!(
        "- target: {{kind: {kind}, name: {pods}}}\n  patch: |-\n    \
         - {{op: replace, path: {path}/backoffLimit, value: 0}}\n    \
         - {{op: replace, path: {path}/activeDeadlineSeconds, value: {seconds}}}\n"
    )
}

#[test]
fn a_backup_without_a_repository_says_that_there_is_none() {
    let settings =
        Settings { bytes: 1, patches: vec![impatient("kopia-backup", 60)], ..Settings::default() };
    let bed = Bed::open("none", settings);
    bed.start_backup("backup");
    assert_fails_saying(&bed, "backup", &["repository not initialized"]);
}

#[test]
fn a_second_repository_is_refused_and_the_first_stays() {
    let bed = Bed::open("second", Settings { bytes: 1 << 20, ..Settings::default() });
    bed.back_up();
    crate::api::kubectl(&["-n", &bed.namespace, "delete", "job", "kopia-repository"])
        .expect("it goes");
    bed.apply("kopia-repository").expect("pods/kopia-repository");
    assert_fails_saying(&bed, "kopia-repository", &["existing"]);
    bed.start_restore();
    bed.assert_complete("kopia-restore");
    bed.assert_restored();
}

#[test]
fn credentials_that_are_denied_are_told_by_the_probe_and_the_last_word() {
    let soon = "- target: {kind: Job}\n  patch: |-\n    - {op: replace, value: 2, \
        path: /spec/template/spec/initContainers/0/startupProbe/failureThreshold}\n";
    let settings = Settings {
        bytes: 1,
        group: Some(store::DENIED),
        patches: vec![soon.to_owned()],
        ..Settings::default()
    };
    let bed = Bed::open("denied", settings);
    bed.apply("kopia-repository").expect("pods/kopia-repository");
    let pod = bed.pod_when("kopia-repository", "a pod", |_| true);
    let words = [
        "Startup probe failed",
        "no enabled declaration",
        "stopped before it was ready",
        "Exit Code:    69",
    ];
    let told = || {
        let described = bed.describe("kopia-repository");
        Ok(words.iter().all(|word| described.contains(word)).then_some(()))
    };
    crate::wait::until(std::time::Duration::from_secs(60), "the probe tells", told)
        .unwrap_or_else(|error| panic!("{error:#}\n{}", bed.describe("kopia-repository")));
    assert!(!pod.is_running("create"), "nothing runs without credentials");
}

#[test]
fn a_setting_that_is_wrong_is_told_in_the_last_word_and_ends_the_wait_at_once() {
    let wrong = "- target: {kind: ConfigMap, name: kopia-settings}\n  patch: |-\n    \
        - {op: replace, path: /data/S3_RESIGN_PROXY_CREDENTIALS, value: magic}\n    \
        - {op: add, path: /data/S3_RESIGN_PROXY_MODE, value: maybe}\n";
    let bed = Bed::open(
        "wrong",
        Settings { bytes: 1, patches: vec![wrong.to_owned()], ..Settings::default() },
    );
    bed.apply("kopia-repository").expect("pods/kopia-repository");
    let stuck = format!("{:#}", bed.end_of("kopia-repository").expect_err("it cannot end"));
    assert!(stuck.contains("s3-resign-proxy is stuck: exit code 64"), "{stuck}");
    let described = bed.describe("kopia-repository");
    for word in ["--credentials magic", "--mode maybe", "Exit Code:    64"] {
        assert!(described.contains(word), "{word:?} in {described}");
    }
}

/// Kopia would keep a snapshot without the file, count it in the retention, and restore it as the latest.
#[test]
fn a_backup_that_cannot_read_a_file_fails_and_a_restore_takes_the_one_before() {
    let patches = vec![impatient("kopia-backup", 120)];
    let bed = Bed::open("locked", Settings { bytes: 1 << 20, patches, ..Settings::default() });
    bed.create_repository();
    bed.start_backup("whole");
    bed.assert_complete("whole");
    bed.tree("lock", &["lock", "/data/locked"]).expect("a locked file");
    bed.job_from("kopia-backup", "cut").expect("a job from the CronJob");
    assert_fails_saying(&bed, "cut", &["/data/locked: permission denied"]);
    let text = bed.kopia("list", &["snapshot", "list", "--all", "--json"]).expect("a list");
    let list: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    let is_whole = |one: &&serde_json::Value| one["incomplete"].is_null();
    assert_eq!(list.iter().filter(is_whole).count(), 1, "only the first counts: {text}");
    bed.settings.borrow_mut().patches.clear();
    bed.start_restore();
    bed.assert_complete("kopia-restore");
    bed.assert_restored();
}
