// SPDX-License-Identifier: Apache-2.0
//! What a restore would do is told before there is anything to restore into; and what pods/etcd-restore adds to a
//! StatefulSet is all that it changes.

use serde_json::{Value, json};

use crate::api;
use crate::bed::Bed;
use crate::etcd::{Etcd, TAG};
use crate::etcd_backup;
use crate::etcd_restored::{apply_job, back_up, bed, overlay, settings};
use crate::store;

#[test]
fn a_plan_as_a_job_tells_what_a_restore_would_do_and_writes_nothing() {
    let bed = bed("plan");
    let etcd = Etcd::start(&bed, 3).expect("three members");
    etcd.fill().expect("keys");
    let facts = back_up(&bed, 3, "first");
    etcd.delete();

    overlay(&bed, &settings(&bed, "planned"), &[]);
    let job = apply_job(&bed, "plan", &[]);
    bed.assert_complete(&job);
    let pod = bed.pods_of(&job).expect("pods").pop().expect("a pod");
    let log = bed.log(&pod, "restore").expect("its log");
    let id = facts["id"].as_str().expect("an id");
    for word in [id, "53 keys", "one of 3"] {
        assert!(log.contains(word), "{word:?} in {log}");
    }
    println!("{log}");
    assert_eq!(bed.members().expect("pods").len(), 0, "the StatefulSet is not applied beside it");
    let claims = format!("{}-claims/", bed.namespace);
    assert_eq!(store::keys(bed.api(), &claims).expect("the store's disk"), [""; 0]);
}

#[test]
fn a_plan_of_a_snapshot_that_is_not_there_fails_at_once() {
    let bed = bed("no-plan");
    let etcd = Etcd::start(&bed, 1).expect("a member");
    etcd.delete();
    let mut settings = settings(&bed, "planned");
    settings["RESTORE_LOCALIZE_SNAPSHOT"] = json!("2026-01-01T00-00-00Z-00000000");
    overlay(&bed, &settings, &[]);
    let job = apply_job(&bed, "plan", &[]);
    println!(
        "{}",
        etcd_backup::assert_failed_at_once(
            &bed,
            &job,
            "restore",
            65,
            &["2026-01-01T00-00-00Z-00000000"]
        )
    );
}

/// T14 of the traps: no fleet rolls because a restore is possible.
#[test]
fn without_the_component_a_template_is_as_it_was_and_with_it_only_ours_is_added() {
    let bed = bed("same");
    let etcd = Etcd::start(&bed, 1).expect("a member");
    let theirs = rendered(&etcd.write(1, TAG).expect("an overlay"));
    let mut ours = rendered(&overlay(&bed, &settings(&bed, ""), &[]));
    let before = revision(&bed);

    etcd.apply_restore(&settings(&bed, ""), &[]);
    await_revision(&bed, |now| now != before);
    etcd.apply(1, TAG).expect("as before");
    await_revision(&bed, |now| now == before);

    take_out(&mut ours);
    assert_eq!(ours, theirs);
}

/// The StatefulSet of a rendered overlay.
fn rendered(folder: &str) -> Value {
    let text = api::kubectl(&["create", "-k", folder, "--dry-run=client", "-o", "json"]);
    let text = text.expect("it renders");
    let objects = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let objects = objects.map(|object| object.expect("JSON"));
    let mut set = objects
        .flat_map(|object| match object["items"].as_array() {
            Some(items) => items.clone(),
            None => vec![object],
        })
        .find(|object| object["kind"] == "StatefulSet")
        .map(|set| set["spec"].clone())
        .expect("a StatefulSet");
    let env = &mut set["template"]["spec"]["containers"][0]["env"];
    env.as_array_mut().expect("a list").sort_by_key(|one| one["name"].to_string());
    set
}

/// What the component says that it adds, and no more.
fn take_out(set: &mut Value) {
    let pod = &mut set["template"]["spec"];
    let names: Vec<Value> = pod["initContainers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, ["pilotfish", "restore"]);
    let restore = &pod["initContainers"][1];
    assert_eq!(restore["image"], pod["containers"][0]["image"]);
    pod.as_object_mut().expect("a map").remove("initContainers");
    let is_ours =
        |one: &Value| one["name"].as_str().is_some_and(|name| name.starts_with("pilotfish"));
    pod["volumes"].as_array_mut().expect("a list").retain(|one| !is_ours(one));
    let etcd = &mut pod["containers"][0];
    let added = json!({"name": "ETCD_INITIAL_CLUSTER_STATE", "value": "existing"});
    etcd["env"].as_array_mut().expect("a list").retain(|one| *one != added);
    let mounts = etcd["volumeMounts"].as_array().expect("a list");
    assert!(!mounts.iter().any(is_ours), "credentials are mounted in `restore` alone");
}

fn revision(bed: &Bed) -> String {
    let path = format!("/apis/apps/v1/namespaces/{}/statefulsets/etcd", bed.namespace);
    let set = bed.api().get(&path).expect("the StatefulSet");
    set["status"]["updateRevision"].as_str().unwrap_or_default().to_owned()
}

fn await_revision(bed: &Bed, is: impl Fn(&str) -> bool) {
    let limit = std::time::Duration::from_secs(30);
    crate::wait::until(limit, "the template's revision", || Ok(is(&revision(bed)).then_some(())))
        .unwrap_or_else(|error| panic!("{error:#}"));
}
