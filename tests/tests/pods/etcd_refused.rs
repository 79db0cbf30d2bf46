// SPDX-License-Identifier: Apache-2.0
//! What must not be restored, or not from that: refused with the right code and a reason in `kubectl describe`, and
//! all that lies on the volumes is as it was.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api;
use crate::bed::Bed;
use crate::etcd::{Etcd, TAG};
use crate::etcd_backup;
use crate::etcd_restored::{assert_refused, back_up, bed, settings};
use crate::store;

const OLDER: &str = "v3.5.35";

/// The key of a snapshot's data in the store.
fn data_of(bed: &Bed, snapshot: &Value) -> String {
    let id = snapshot["id"].as_str().expect("an id");
    format!("{}{id}.snap", etcd_backup::folder(bed))
}

/// Only what is of no weight to anybody may lie on it.
fn assert_untouched(bed: &Bed) {
    let tree = bed.tree_of(0).expect("its volume");
    let foreign = tree.lines().filter(|line| line.starts_with("./"));
    let foreign: Vec<&str> = foreign
        .filter(|line| {
            !line.starts_with("./lost+found ") && !line.starts_with("./.pilotfish-volume ")
        })
        .collect();
    assert!(foreign.is_empty(), "left behind: {foreign:?}");
}

#[test]
fn members_with_data_of_their_own_are_refused_and_every_byte_stays() {
    let bed = bed("full");
    let etcd = Etcd::start(&bed, 3).expect("three members");
    etcd.fill().expect("keys");
    back_up(&bed, 3, "first");
    etcd.ctl(&["put", "later", "than the snapshot"], "").expect("a later key");
    let keys = etcd.keys(0).expect("its keys");
    etcd.delete();
    let before = [0, 1, 2].map(|member| bed.tree_of(member).expect("its volume"));
    etcd.apply_restore(&settings(&bed, "over"), &[]);
    for member in [0, 1, 2] {
        let words = ["Exit Code:    65", "/data holds", "nothing was touched"];
        println!("populated: {}", assert_refused(&bed, member, 65, &words));
    }
    let after = [0, 1, 2].map(|member| bed.tree_of(member).expect("its volume"));
    assert_eq!(before, after, "a volume was touched");

    etcd.apply_restore(&settings(&bed, ""), &[]);
    let delete = ["-n", &bed.namespace, "delete", "pod", "-l", "app=etcd"];
    api::kubectl(&delete).expect("they go");
    etcd.await_ready(3, &BTreeSet::new()).expect("they serve as before");
    etcd.assert_equal(&[0, 1, 2], &keys);
}

#[test]
fn what_is_newer_corrupt_or_deleted_is_refused_and_the_volume_stays_empty() {
    let bed = bed("bad");
    let etcd = Etcd::start(&bed, 1).expect("a member");
    etcd.fill().expect("keys");
    let first = back_up(&bed, 1, "first");
    back_up(&bed, 1, "second");
    etcd.lose(1);

    etcd.write(1, OLDER).expect("an older etcd");
    etcd.apply_restore(&settings(&bed, "newer"), &[]);
    println!("newer: {}", assert_refused(&bed, 0, 64, &["Exit Code:    64", "3.6", "3.5"]));
    assert_untouched(&bed);

    etcd.delete();
    etcd.write(1, TAG).expect("the same etcd");
    store::flip(bed.api(), &data_of(&bed, &first)).expect("a bit turns");
    let mut settings = settings(&bed, "corrupt");
    settings["RESTORE_LOCALIZE_SNAPSHOT"] = first["id"].clone();
    etcd.apply_restore(&settings, &[]);
    println!(
        "corrupt: {}",
        assert_refused(&bed, 0, 65, &["Exit Code:    65", "the digest of its"])
    );
    assert_untouched(&bed);

    etcd.delete();
    etcd_backup::prune(&bed);
    etcd.apply_restore(&settings, &[]);
    let words = ["Exit Code:    65", "to which", "a new --generation"];
    println!("deleted: {}", assert_refused(&bed, 0, 65, &words));
    assert_untouched(&bed);
}
