// SPDX-License-Identifier: Apache-2.0
//! The weekly proof: green for a snapshot that restores to what the members had, red for one that does not.

use serde_json::json;

use crate::api;
use crate::bed::Bed;
use crate::etcd::Etcd;
use crate::etcd_backup;
use crate::etcd_restored::{back_up, bed};
use crate::overlay;
use crate::store;

/// Applies pods/etcd-drill, as a user would.
fn install(bed: &Bed) {
    etcd_backup::store_secret(bed, "etcd-drill-store", "check");
    etcd_backup::store_secret(bed, "etcd-drill-claims", "proofs");
    let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "etcd-drill-settings"}, "data": {
        "RESTORE_LOCALIZE_FROM": format!("s3://{}/{}-etcd", store::BUCKET, bed.namespace),
        "RESTORE_LOCALIZE_CLAIMS": format!("s3://{}/{}-claims", store::BUCKET, bed.namespace),
        "AWS_ENDPOINT_URL_S3": store::upstream(),
        "AWS_CA_BUNDLE": "/ca/ca.crt",
    }});
    let kustomization = json!({
        "namespace": bed.namespace,
        "resources": [bed.pods("etcd-drill").expect("pods/etcd-drill")],
        "images": [overlay::image(), {"name": "etcd", "newName": "localhost/etcd"}],
        "patches": [{"patch": settings.to_string()}],
    });
    let folder = bed.overlay("drill", &kustomization, None).expect("an overlay");
    api::kubectl(&["apply", "-k", &folder.display().to_string()]).expect("pods/etcd-drill");
}

#[test]
fn the_drill_is_green_for_a_good_snapshot_and_red_for_one_with_a_bit_turned() {
    let bed = bed("drill");
    let etcd = Etcd::start(&bed, 3).expect("three members");
    etcd.fill().expect("keys");
    let facts = back_up(&bed, 3, "first");
    install(&bed);

    let ended = etcd_backup::complete(&bed, "etcd-drill", "green", "prove");
    let (sentence, _) = etcd_backup::read(&ended);
    assert!(sentence.contains(facts["id"].as_str().expect("an id")), "{sentence}");
    println!("green: {sentence}");

    let keys = store::keys(bed.api(), &etcd_backup::folder(&bed)).expect("the store's disk");
    let data = keys.into_iter().find(|key| key.ends_with(".snap")).expect("a snapshot");
    store::flip(bed.api(), &data).expect("a bit turns");
    bed.job_from("etcd-drill", "red").expect("a job from the CronJob");
    println!(
        "{}",
        etcd_backup::assert_failed_at_once(&bed, "red", "prove", 65, &["Exit Code:    65"])
    );
}
