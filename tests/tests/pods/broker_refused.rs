// SPDX-License-Identifier: Apache-2.0
//! Who may not have credentials gets none: the pod waits, says why, and the broker's audit has it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::broker::{self, TYPE};
use crate::wait;

const TOLD: Duration = Duration::from_secs(90);

/// A restore that never gets as far as its volume.
fn start(bed: &Bed, group: &str, type_: &str, patches: &[Value]) {
    let none = json!({"name": "data", "persistentVolumeClaim": null, "emptyDir": {}});
    bed.restore_by_broker(group, type_, &[&[with_volume(&none)], patches].concat());
}

/// A patch of the Job's volume of that name.
fn with_volume(volume: &Value) -> Value {
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "kopia-restore"},
        "spec": {"template": {"spec": {"volumes": [volume]}}}});
    json!({"patch": job.to_string()})
}

/// Nothing runs, `kubectl describe` tells the pod's owner and the audit the broker's; its line.
fn assert_refused(bed: &Bed, told: &[&str], audited: &[&str]) -> String {
    let has = |text: &str, words: &[&str]| words.iter().all(|word| text.contains(word));
    let seen = || {
        let described = bed.describe("kopia-restore");
        let line = broker::log(bed)?.lines().find(|line| has(line, audited)).map(str::to_owned);
        Ok(line.filter(|_| has(&described, told)))
    };
    let line = wait::until(TOLD, &format!("{told:?} in describe, {audited:?} in the audit"), seen);
    let line = line.unwrap_or_else(|error| {
        panic!("{error:#}\n{}\n{}", bed.story(), broker::log(bed).unwrap_or_default())
    });
    let pod = bed.pods_of("kopia-restore").expect("pods").pop().expect("a pod");
    for container in ["password", "connect", "restore"] {
        let ran = pod.is_running(container) || pod.ended(container).is_some();
        assert!(!ran, "{container} has no business without credentials");
    }
    line
}

/// Each of these wishes is one that the control plane grants, or that another namespace is granted.
#[test]
fn a_pod_that_may_not_have_credentials_gets_none_and_both_sides_are_told_why() {
    let waits = "Startup probe failed";
    // The group of another namespace, from one without labels.
    let stranger = Bed::open_bare("stranger");
    start(&stranger, "pods-broker", TYPE, &[]);
    // A token that was made for somebody else.
    let audience = Bed::open_bare("audience");
    audience.entitle("pods-audience");
    let source = json!({"serviceAccountToken": {"audience": "somebody-else", "path": "token"}});
    let other = with_volume(&json!({"name": "broker-token", "projected": {"sources": [source]}}));
    start(&audience, "pods-audience", TYPE, &[other]);
    // The namespace's group, and another type of it.
    let type_ = Bed::open_bare("type");
    type_.entitle("pods-type");
    start(&type_, "pods-type", "postgres", &[]);
    // All is in order here, and the control plane does not grant it.
    let upstream = Bed::open_bare("upstream");
    upstream.entitle("pods-upstream");
    start(&upstream, "pods-upstream", TYPE, &[]);

    let named = |bed: &Bed| format!("\"{}\"", bed.namespace);
    let lines = [
        assert_refused(
            &stranger,
            &[waits, "answered 403"],
            &[&named(&stranger), "wrong_namespace"],
        ),
        // Whose token it is is not even asked.
        assert_refused(&audience, &[waits, "answered 401"], &["pods-audience", "wrong_audience"]),
        assert_refused(&type_, &[waits, "answered 403"], &[&named(&type_), "wrong_type"]),
        assert_refused(&upstream, &[waits, "answered 403"], &[&named(&upstream), "\"denied\""]),
    ];
    println!("refused:\n{}", lines.join("\n"));
}
