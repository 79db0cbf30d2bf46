// SPDX-License-Identifier: Apache-2.0
//! Which snapshot: the one that is asked for, or none.

use jiff::{SignedDuration, Timestamp};
use snapshot::Class;
use stock::{Bucket, Folder, Sample};

use crate::PLACE;
use crate::bed::{Pod, small};

#[test]
fn one_is_chosen_by_id_by_class_and_by_time() {
    let (old, new) = (Sample::etcd(PLACE, 30), Sample::etcd(PLACE, 1));
    let manual = Sample::etcd(PLACE, 2).class(Class::Manual);
    let folder = Folder::with(&[&old, &manual, &new]);
    let yesterday = (Timestamp::now() - SignedDuration::from_hours(24)).to_string();
    let id = manual.id().to_string();
    for (args, wanted) in [
        (vec![], &new),
        (vec!["--snapshot", "latest"], &new),
        (vec!["--snapshot", &id], &manual),
        (vec!["--class", "manual"], &manual),
        (vec!["--before", &yesterday], &old),
    ] {
        let Some(pod) = Pod::new() else { return };
        let wanted = wanted.id().to_string();
        pod.restore(&folder).args(&args).end().assert(0, &["m0 is restored from", &wanted]);
        assert_eq!(pod.assert_restored(&wanted)["snapshot"], wanted.as_str());
    }
}

#[test]
fn what_is_not_there_is_never_replaced_by_another() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    folder.put(&Sample::etcd("ns/etcd-2", 1).class(Class::Manual));
    let other = Sample::etcd(PLACE, 1).id().to_string();
    for (args, words) in [
        (["--snapshot", &other], [other.as_str(), "is not there"]),
        (["--before", "2001-01-01T00:00:00Z"], ["no such snapshot", "ns/etcd has"]),
        (["--class", "manual"], ["no such snapshot", "ns/etcd has"]),
    ] {
        pod.restore(&folder).args(args).end().assert(65, &words);
        pod.assert_untouched(words[0]);
    }
}

#[test]
fn data_without_a_manifest_is_no_snapshot() {
    let Some(pod) = Pod::new() else { return };
    let (folder, sample) = small();
    folder.remove(&sample.manifest_key());
    let id = sample.id().to_string();
    pod.restore(&folder).args(["--snapshot", &id]).end().assert(65, &[&id, "is not there"]);
    pod.restore(&folder).end().assert(65, &["no such snapshot"]);
    pod.assert_untouched("no manifest");
}

/// What is not there will not come to be: no patience is spent on it. A run that waits for ever is a
/// panic of its own.
#[test]
fn a_missing_object_is_found_out_at_once() {
    let Some(pod) = Pod::new() else { return };
    let sample = Sample::etcd(PLACE, 1);
    let bucket = Bucket::with(&[&sample]);
    std::fs::remove_file(bucket.path(&sample.data_key())).unwrap();
    let patient = |flag: String| if flag == "4s" { "10m".to_owned() } else { flag };
    let flags: Vec<String> = bucket.flags().into_iter().map(patient).collect();
    let run = || pod.step().arg("--tool").arg(&pod.tool).args(&flags);
    let run_from = |from: String| run().arg("--from").arg(from);
    let ended = run_from(bucket.url()).args(crate::bed::PLACED).end();
    ended.assert(65, &[&sample.data_key(), "is not there"]);
    let bare = run_from(format!("{}/no-such.db", bucket.url())).end();
    bare.assert(65, &["no-such.db", "--namespace and --cluster say whose"]);
    pod.assert_untouched("missing");
}

#[test]
fn a_manifest_that_cannot_be_read_hides_which_is_the_latest() {
    let Some(pod) = Pod::new() else { return };
    let [new, old] = [1, 2].map(|hours| Sample::etcd(PLACE, hours));
    let folder = Folder::with(&[&new, &old]);
    folder.write(&new.manifest_key(), "{");
    pod.restore(&folder).end().assert(65, &["cannot be told", &new.manifest_key()]);
    pod.assert_untouched("a bad manifest");
    pod.restore(&folder).args(["--snapshot", &old.id().to_string()]).end().assert(0, &[]);
    pod.assert_restored("the older one was asked for");
}
