// SPDX-License-Identifier: Apache-2.0
//! What a user wants when etcd is gone with its volumes: all members back from one snapshot by one word, and never
//! again after that.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api;
use crate::bed::Bed;
use crate::etcd::Etcd;
use crate::etcd_backup;
use crate::etcd_objects;
use crate::etcd_restored::{
    assert_refused, await_end, back_up, bed, lose_secrets, overlay, run_job, settings,
};
use crate::overlay as images;
use crate::wait;

const MEMBERS: usize = 3;
const ALL: [usize; MEMBERS] = [0, 1, 2];

/// A source with 53 keys and one later than its snapshot: bed, its keys in the snapshot.
fn lost(etcd: &Etcd<'_>) -> (Value, Value) {
    etcd.fill().expect("keys");
    let keys = etcd.keys(0).expect("its keys");
    let facts = back_up(etcd.bed, MEMBERS, "first");
    etcd.ctl(&["put", "later", "than the snapshot"], "").expect("a later key");
    (keys, facts)
}

/// Whether a pod's `restore` said that there was nothing to do.
fn assert_passed(bed: &Bed, member: usize) {
    let ended = await_end(bed, member, 0);
    assert!(ended.message.contains("nothing to restore"), "etcd-{member}: {}", ended.message);
}

/// The same binaries under another version, as an upgrade of our image brings them.
fn tag_image(tag: &str) -> Value {
    let image = images::image();
    let from =
        format!("{}:{}", image["newName"].as_str().unwrap_or_default(), env!("CARGO_PKG_VERSION"));
    let to = format!("{}:{tag}", image["newName"].as_str().unwrap_or_default());
    let ctr = ["node", "ctr", "-a", "/run/containerd/containerd.sock", "-n", "k8s.io"];
    api::run(&[&ctr[..], &["images", "tag", "--force", &from, &to]].concat()).expect("a tag");
    json!([{"op": "replace", "path": "/spec/template/spec/initContainers/0/image", "value": to}])
}

#[test]
fn three_members_that_lost_everything_are_back_by_one_generation_and_nothing_restores_again() {
    let bed = bed("back");
    let etcd = Etcd::start(&bed, MEMBERS).expect("three members");
    let (keys, facts) = lost(&etcd);
    etcd.lose(MEMBERS);
    let settings = settings(&bed, "first");
    etcd.apply_restore(&settings, &[]);
    etcd.await_ready(MEMBERS, &BTreeSet::new()).expect("they serve");
    etcd.assert_equal(&ALL, &keys);
    for member in ALL {
        println!("restored: {}", await_end(&bed, member, 0).message);
    }
    let watch = etcd.ctl(&["get", "sentinel", "--rev", &facts["revision"].to_string()], "");
    let compacted = format!("{:#}", watch.expect_err("a revision of before"));
    assert!(compacted.contains("compacted"), "{compacted}");
    println!("confirm: {}", run_job(&bed, "confirm", &[]));

    etcd.ctl(&["put", "after", "the restore"], "").expect("a key");
    let keys = etcd.keys(0).expect("its keys");
    etcd.restart(MEMBERS, &[1]).expect("one comes back");
    assert_passed(&bed, 1);
    println!("scale-up: {}", grow(&etcd, &keys));

    lose_secrets(&bed);
    etcd.restart(MEMBERS + 1, &[0, 1, 2, 3]).expect("all come back");
    ALL.iter().for_each(|member| assert_passed(&bed, *member));
    upgrade(&etcd, &settings);
    ALL.iter().for_each(|member| assert_passed(&bed, *member));
    etcd.assert_equal(&[0, 1, 2, 3], &keys);
}

/// A fourth member after the restore, when its snapshot is not kept any more: it joins empty, as any new one.
fn grow(etcd: &Etcd<'_>, keys: &Value) -> String {
    back_up(etcd.bed, MEMBERS, "second");
    etcd_backup::prune(etcd.bed);
    let add = ["member", "add", "etcd-3", "--peer-urls=http://etcd-3.etcd:2380"];
    etcd.ctl(&add, "").expect("it is added");
    etcd.bed.make_volumes(&[3]).expect("its volume");
    let mut settings = etcd_objects::settings(MEMBERS + 1);
    settings["metadata"]["namespace"] = json!(etcd.bed.namespace);
    api::apply(&settings).expect("the settings of four");
    let scale = ["-n", &etcd.bed.namespace, "scale", "statefulset", "etcd", "--replicas=4"];
    api::kubectl(&scale).expect("a fourth");
    etcd.await_ready(MEMBERS + 1, &BTreeSet::new()).expect("four serve");
    etcd.assert_equal(&[0, 1, 2, 3], keys);
    await_end(etcd.bed, 3, 0).message
}

/// One pod after the other comes back with a new image of ours.
fn upgrade(etcd: &Etcd<'_>, settings: &Value) {
    let bed = etcd.bed;
    let gone = bed.members().expect("pods").iter().map(|pod| pod.uid().to_owned()).collect();
    let patch = json!({"target": {"kind": "StatefulSet"}, "patch": tag_image("9.9.9").to_string()});
    let replicas = json!([{"op": "replace", "path": "/spec/replicas", "value": MEMBERS + 1}]);
    let replicas = json!({"target": {"kind": "StatefulSet"}, "patch": replicas.to_string()});
    let folder = overlay(bed, settings, &[patch, replicas]);
    api::kubectl(&["apply", "-k", &folder]).expect("a new image");
    etcd.await_ready(MEMBERS + 1, &gone).expect("all come back");
}

#[test]
fn with_the_revision_kept_the_hash_at_the_sources_revision_is_the_sources() {
    let bed = bed("kept");
    let etcd = Etcd::start(&bed, MEMBERS).expect("three members");
    let (keys, facts) = lost(&etcd);
    let revision = facts["revision"].as_u64().expect("a revision");
    let source = etcd.hash(0, revision).expect("the source's hash");
    etcd.lose(MEMBERS);
    let mut settings = settings(&bed, "kept");
    settings["RESTORE_LOCALIZE_KEEP_REVISION"] = json!("true");
    etcd.apply_restore(&settings, &[]);
    etcd.await_ready(MEMBERS, &BTreeSet::new()).expect("they serve");
    for member in ALL {
        assert_eq!(etcd.hash(member, revision).expect("its hash"), source, "etcd-{member}");
    }
    etcd.assert_equal(&ALL, &keys);
    println!("hash at revision {revision}: {source} on the source and on all three");
}

/// Measured without us: such members are healthy, and serve nothing, or other data.
#[test]
fn one_restored_member_beside_empty_ones_is_no_cluster_and_no_empty_quorum_forms() {
    let bed = bed("alone");
    let etcd = Etcd::start(&bed, MEMBERS).expect("three members");
    let (keys, _) = lost(&etcd);
    etcd.lose(MEMBERS);
    etcd.apply_restore(&settings(&bed, ""), &[]);
    ALL.iter().for_each(|member| assert_never_boots(&bed, *member));

    // The template is the same, so that no pod is made anew but the one that gets a new volume.
    etcd.apply_restore(&settings(&bed, "alone"), &[]);
    lose_one(&etcd, 0);
    println!("alone: {}", await_restored(&bed, 0));
    for member in [1, 2] {
        assert_never_boots(&bed, member);
        let tree = bed.tree_of(member).expect("its volume");
        assert!(!tree.contains("./member/wal"), "etcd-{member} has made a member: {tree}");
    }
    let pods = bed.members().expect("pods");
    assert!(!pods.iter().any(|pod| pod.is_ready()), "one voter of three serves nobody");

    // etcd has left a folder where it gave up, and it is not for us to say that nothing is in it.
    delete_pod(&bed, 1);
    println!("husk: {}", assert_refused(&bed, 1, 65, &["/data holds", "nothing was touched"]));
    println!("husk: {}", bed.tree_of(1).expect("its volume"));
    lose_one(&etcd, 1);
    lose_one(&etcd, 2);
    etcd.await_ready(MEMBERS, &BTreeSet::new()).expect("they serve");
    etcd.assert_equal(&ALL, &keys);
}

fn delete_pod(bed: &Bed, member: usize) {
    let pod = format!("etcd-{member}");
    api::kubectl(&["-n", &bed.namespace, "delete", "pod", &pod]).expect("it goes");
}

/// etcd itself gives up, with an empty volume and `existing`, twice.
fn assert_never_boots(bed: &Bed, member: usize) {
    let gives_up = wait::until(Duration::from_secs(120), "etcd gives up twice", || {
        let pod = bed.member(member)?;
        Ok(pod.filter(|pod| pod.restarts("etcd") >= 1 && pod.ended("etcd").is_some()))
    });
    let pod = gives_up.unwrap_or_else(|error| panic!("{error:#}\n{}", bed.story()));
    assert_ne!(pod.ended("etcd").expect("it has ended").exit, 0, "etcd-{member}");
    assert!(!pod.is_ready(), "etcd-{member}");
}

fn await_restored(bed: &Bed, member: usize) -> String {
    let restored = wait::until(Duration::from_secs(60), "it is restored", || {
        let ended = bed.member(member)?.and_then(|pod| pod.ended("restore"));
        Ok(ended.filter(|ended| ended.exit == 0 && ended.message.contains("restored")))
    });
    restored.unwrap_or_else(|error| panic!("{error:#}\n{}", bed.story())).message
}

#[test]
fn a_volume_lost_after_the_restore_is_refused_and_rejoins_after_member_remove_and_add() {
    let bed = bed("lost");
    let etcd = Etcd::start(&bed, MEMBERS).expect("three members");
    let (keys, _) = lost(&etcd);
    etcd.lose(MEMBERS);
    etcd.apply_restore(&settings(&bed, "lost"), &[]);
    etcd.await_ready(MEMBERS, &BTreeSet::new()).expect("they serve");

    lose_one(&etcd, 1);
    let words = ["Exit Code:    65", "etcdctl member remove", "etcdctl member add", "rejoin"];
    println!("lost: {}", assert_refused(&bed, 1, 65, &words));
    let tree = bed.tree_of(1).expect("its volume");
    assert!(!tree.contains("./member "), "nothing was restored: {tree}");
    etcd.assert_equal(&[0, 2], &keys);

    let list = etcd.ctl(&["member", "list"], "").expect("members");
    let id =
        list.lines().find(|line| line.contains("etcd-1")).and_then(|line| line.split(',').next());
    etcd.ctl(&["member", "remove", id.expect("its id")], "").expect("it is removed");
    etcd.ctl(&["member", "add", "etcd-1", "--peer-urls=http://etcd-1.etcd:2380"], "")
        .expect("it is added");
    println!("rejoin: {}", run_job(&bed, "rejoin", &[as_member(1)]));
    delete_pod(&bed, 1); // which waits for minutes between its attempts by now
    etcd.await_ready(MEMBERS, &BTreeSet::new()).expect("they serve");
    assert!(await_end(&bed, 1, 0).message.contains("nothing to restore"));
    etcd.assert_equal(&ALL, &keys);
}

/// One member's volume goes while the others live.
fn lose_one(etcd: &Etcd<'_>, member: usize) {
    let bed = etcd.bed;
    let claim = format!("data-etcd-{member}");
    let delete = ["-n", &bed.namespace, "delete", "--wait=false", "persistentvolumeclaim", &claim];
    api::kubectl(&delete).expect("its claim goes with its pod");
    delete_pod(bed, member);
    bed.drop_volume(member).expect("its volume goes");
    bed.make_volumes(&[member]).expect("a new one");
}

/// A user's patch of the rejoin Job.
fn as_member(member: usize) -> Value {
    let patch = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "etcd-restore-rejoin"},
        "spec": {"template": {"spec": {
            "containers": [{"name": "restore", "env": [{"name": "ETCD_NAME", "value": format!("etcd-{member}")}]}],
            "volumes": [{"name": "data", "emptyDir": null,
                "persistentVolumeClaim": {"claimName": format!("data-etcd-{member}")}}]}}}});
    json!({"patch": patch.to_string()})
}
