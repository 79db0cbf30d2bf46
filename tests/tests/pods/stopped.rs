// SPDX-License-Identifier: Apache-2.0
//! Somebody ends the pod: it is moved, or its time is over.

use serde_json::json;

use crate::api;
use crate::bed::{Bed, End, Settings};
use crate::killed::{UNDER_WAY, some};

#[test]
fn a_restore_whose_pod_is_evicted_goes_on_in_another_and_counts_no_failure() {
    let bed = Bed::open("evicted", some());
    bed.back_up();
    bed.hold(UNDER_WAY);
    bed.start_restore();
    let pod = bed.pod_when_moving("kopia-restore", "restore", UNDER_WAY);
    evict(&bed, pod.name());
    bed.release();
    bed.assert_complete("kopia-restore");
    let path = format!("/apis/batch/v1/namespaces/{}/jobs/kopia-restore", bed.namespace);
    let job = bed.api().get(&path).expect("the job");
    let failed = job["status"]["failed"].as_u64().unwrap_or_default();
    assert_eq!(failed, 0, "a drained node is no failure: {}", job["status"]);
    bed.assert_restored();
}

/// The same call as `kubectl drain` makes.
fn evict(bed: &Bed, pod: &str) {
    let namespace = &bed.namespace;
    let file = tempfile::NamedTempFile::new().expect("a file");
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}});
    std::fs::write(file.path(), eviction.to_string()).expect("the eviction");
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
    let file = file.path().display().to_string();
    api::kubectl(&["create", "--raw", &path, "-f", &file]).expect("it is evicted");
}

#[test]
fn a_restore_that_takes_too_long_fails_and_describe_says_so() {
    let deadline = "- target: {kind: Job, name: kopia-restore}\n  patch: |-\n    \
        - {op: replace, path: /spec/activeDeadlineSeconds, value: 6}\n";
    let patches = vec![deadline.to_owned()];
    let bed = Bed::open("deadline", Settings { bytes: 8 << 20, patches, ..Settings::default() });
    bed.back_up();
    bed.hold(1 << 20);
    bed.start_restore();
    let end = bed.end_of("kopia-restore").expect("an end");
    let End::Failed(reason, message) = end else { panic!("{end:?}\n{}", bed.story()) };
    assert_eq!(reason, "DeadlineExceeded", "{message}");
    let described = bed.describe("kopia-restore");
    for part in ["DeadlineExceeded", "active longer than specified deadline"] {
        assert!(described.contains(part), "{part} in {described}");
    }
    println!("deadline:\n{described}");
}
