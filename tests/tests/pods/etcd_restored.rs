// SPDX-License-Identifier: Apache-2.0
//! A user's etcd with pods/etcd-restore put on it, and the Jobs that are made of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api;
use crate::bed::{Bed, Settings};
use crate::etcd::Etcd;
use crate::etcd_backup;
use crate::overlay;
use crate::pod::Ended;
use crate::store;
use crate::wait;

const LIMIT: Duration = Duration::from_secs(120);
/// The Secrets of the component, and the pair of the store that has the rights of each and no others.
const STORE_SECRETS: [(&str, &str); 2] =
    [("etcd-restore-store", "check"), ("etcd-restore-claims", "claims")];

/// A namespace in which etcd is backed up and can be restored.
pub(crate) fn bed(name: &str) -> Bed {
    let bed = Bed::open(name, Settings { bytes: 1, ..Settings::default() });
    etcd_backup::store_secret(&bed, "etcd-backup-store-upload", "upload");
    make_secrets(&bed);
    bed
}

pub(crate) fn make_secrets(bed: &Bed) {
    for (secret, pair) in STORE_SECRETS {
        etcd_backup::store_secret(bed, secret, pair);
    }
}

pub(crate) fn lose_secrets(bed: &Bed) {
    let secrets = STORE_SECRETS.map(|(secret, _)| secret);
    let delete = ["-n", &bed.namespace, "delete", "secret"];
    api::kubectl(&[&delete[..], &secrets].concat()).expect("they go");
}

/// Takes a snapshot; its facts.
pub(crate) fn back_up(bed: &Bed, members: usize, job: &str) -> Value {
    let endpoints: Vec<String> =
        (0..members).map(|member| format!("https://etcd-{member}.etcd:2379")).collect();
    etcd_backup::install(bed, &json!({"SNAPSHOT_UPLOAD_ENDPOINT": endpoints.join(",")}));
    let ended = etcd_backup::complete(bed, "etcd-backup", job, "upload");
    etcd_backup::read(&ended).1
}

/// What a user sets to restore a generation from the snapshots of its own namespace.
pub(crate) fn settings(bed: &Bed, generation: &str) -> Value {
    let namespace = &bed.namespace;
    json!({
        "RESTORE_LOCALIZE_GENERATION": generation,
        "RESTORE_LOCALIZE_FROM": format!("s3://{}/{namespace}-etcd", store::BUCKET),
        "RESTORE_LOCALIZE_NAMESPACE": namespace,
        "RESTORE_LOCALIZE_CLUSTER": "etcd",
        "RESTORE_LOCALIZE_CLAIMS": format!("s3://{}/{namespace}-claims", store::BUCKET),
        "RESTORE_LOCALIZE_TARGET_NAMESPACE": namespace,
        "RESTORE_LOCALIZE_TARGET_CLUSTER": "etcd",
        "RESTORE_LOCALIZE_ENDPOINT": "https://etcd-0.etcd:2379,https://etcd-1.etcd:2379,https://etcd-2.etcd:2379",
        "RESTORE_LOCALIZE_CACERT": "/pilotfish/tls/ca.crt",
        "RESTORE_LOCALIZE_CERT": "/pilotfish/tls/tls.crt",
        "RESTORE_LOCALIZE_KEY": "/pilotfish/tls/tls.key",
        "AWS_ENDPOINT_URL_S3": store::upstream(),
        "AWS_CA_BUNDLE": "/pilotfish/ca/ca.crt",
    })
}

/// The overlay of a user: its etcd, with pods/etcd-restore on it; its folder.
pub(crate) fn overlay(bed: &Bed, settings: &Value, patches: &[Value]) -> String {
    let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "etcd-restore-settings"},
        "data": settings});
    let patches = [&[json!({"patch": settings.to_string()})], patches].concat();
    let kustomization = json!({
        "namespace": bed.namespace,
        "resources": ["../etcd"],
        "components": [bed.pods("etcd-restore").expect("pods/etcd-restore")],
        "images": [overlay::image()],
        "patches": patches,
    });
    let folder = bed.overlay("restore", &kustomization, None).expect("an overlay");
    folder.display().to_string()
}

impl Etcd<'_> {
    /// Puts pods/etcd-restore on the StatefulSet, with these settings.
    pub(crate) fn apply_restore(&self, settings: &Value, patches: &[Value]) {
        let folder = overlay(self.bed, settings, patches);
        api::kubectl(&["apply", "-k", &folder]).expect("pods/etcd-restore");
    }

    /// Deletes the StatefulSet, and waits until none of its pods is left.
    pub(crate) fn delete(&self) {
        let delete = ["-n", &self.bed.namespace, "delete", "statefulset", "etcd"];
        api::kubectl(&delete).expect("it goes");
        self.bed.await_no_member().unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// The disaster: StatefulSet and volumes are gone. New, empty volumes are there.
    pub(crate) fn lose(&self, members: usize) {
        self.delete();
        let all: Vec<usize> = (0..members).collect();
        self.bed.lose_volumes(&all).expect("volumes go");
        self.bed.make_volumes(&all).expect("new volumes");
    }
}

/// How the container `restore` of a member ended, once it has with this code.
pub(crate) fn await_end(bed: &Bed, member: usize, code: i64) -> Ended {
    let what = format!("exit code {code} of etcd-{member}");
    let ended = wait::until(LIMIT, &what, || {
        let pod = bed.member(member)?;
        Ok(pod.and_then(|pod| pod.ended("restore")).filter(|ended| ended.exit == code))
    });
    ended.unwrap_or_else(|error| panic!("{error:#}\n{}", bed.story()))
}

/// A member is refused with this code, and `kubectl describe` says why; the sentence.
pub(crate) fn assert_refused(bed: &Bed, member: usize, code: i64, words: &[&str]) -> String {
    let ended = await_end(bed, member, code);
    let pod = format!("etcd-{member}");
    let described = api::kubectl(&["-n", &bed.namespace, "describe", "pod", &pod]);
    let described = described.expect("kubectl describe");
    for word in words {
        assert!(described.contains(word), "{word:?} in {described}");
    }
    ended.message.lines().next().unwrap_or_default().to_owned()
}

/// Applies one of the Jobs that are made of the restore's overlay, as its user would.
pub(crate) fn apply_job(bed: &Bed, which: &str, patches: &[Value]) -> String {
    let job = format!("etcd-restore-{which}");
    api::kubectl(&["-n", &bed.namespace, "delete", "job", &job, "--ignore-not-found"])
        .expect("an earlier one goes");
    let kustomization = json!({
        "namespace": bed.namespace,
        "resources": ["../restore"],
        "components": [bed.pods(&format!("etcd-restore/{which}")).expect("a Job's folder")],
        "patches": patches,
    });
    let folder = bed.overlay(which, &kustomization, None).expect("an overlay");
    api::kubectl(&["apply", "-k", &folder.display().to_string()]).expect("the Job");
    job
}

/// Runs such a Job to its good end; the sentence that it ends with.
pub(crate) fn run_job(bed: &Bed, which: &str, patches: &[Value]) -> String {
    let job = apply_job(bed, which, patches);
    bed.assert_complete(&job);
    let ended = etcd_backup::last_word(bed, &job, "restore");
    ended.message.lines().next().unwrap_or_default().to_owned()
}
