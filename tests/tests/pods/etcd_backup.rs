// SPDX-License-Identifier: Apache-2.0
//! What a user wants of etcd's backups: a snapshot that is proven, from rights that are not more than it needs, and a
//! Job that ends at once, with a reason, where no other attempt would help.

use std::path::Path;
use std::process::Command;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use testbed::Ca;

use crate::api;
use crate::bed::{Bed, End, Settings};
use crate::etcd::{self, Etcd};
use crate::pod::Ended;
use crate::store;

pub(crate) const KEYS: u64 = 53;
/// Each CronJob, and the pair of the store that has its rights and no others.
const STORE_SECRETS: [(&str, &str); 3] = [
    ("etcd-backup-store-upload", "upload"),
    ("etcd-backup-store-check", "check"),
    ("etcd-backup-store-prune", "prune"),
];

fn bed(name: &str) -> Bed {
    let bed = Bed::open(name, Settings { bytes: 1, ..Settings::default() });
    for (secret, pair) in STORE_SECRETS {
        store_secret(&bed, secret, pair);
    }
    bed
}

pub(crate) fn store_secret(bed: &Bed, secret: &str, pair: &str) {
    let pair = store::pair(bed.api(), pair).expect("a pair of the store");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret, "namespace": bed.namespace},
        "stringData": {"accessKeyID": pair["access_key_id"], "secretAccessKey": pair["secret_access_key"]}});
    api::apply(&secret).expect("a Secret");
}

/// Applies pods/etcd-backup with the settings of a user, and `more` of them.
pub(crate) fn install(bed: &Bed, more: &Value) {
    let mut data = json!({
        "SNAPSHOT_UPLOAD_TO": format!("s3://{}/{}-etcd", store::BUCKET, bed.namespace),
        "AWS_ENDPOINT_URL_S3": store::upstream(),
        "AWS_CA_BUNDLE": "/ca/ca.crt",
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        data[name] = value.clone();
    }
    let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "etcd-backup-settings"}, "data": data});
    let suspend = json!([{"op": "add", "path": "/spec/suspend", "value": true}]);
    let patches = [
        json!({"patch": settings.to_string()}),
        json!({"target": {"kind": "CronJob"}, "patch": suspend.to_string()}),
    ];
    bed.apply_patched("etcd-backup", &patches).expect("pods/etcd-backup");
}

/// Runs a CronJob now, to its good end; its last word.
pub(crate) fn complete(bed: &Bed, cron: &str, job: &str, container: &str) -> Ended {
    bed.job_from(cron, job).expect("a job from the CronJob");
    bed.assert_complete(job);
    last_word(bed, job, container)
}

pub(crate) fn last_word(bed: &Bed, job: &str, container: &str) -> Ended {
    let mut pods = bed.pods_of(job).expect("pods");
    assert_eq!(pods.len(), 1, "one attempt\n{}", bed.story());
    pods.remove(0).ended(container).expect("it has ended")
}

/// The sentence, and the facts behind it.
pub(crate) fn read(ended: &Ended) -> (&str, Value) {
    let (sentence, line) = ended.message.split_once('\n').expect("two lines");
    let word: Value = serde_json::from_str(line).expect("JSON");
    (sentence, word["facts"].clone())
}

#[test]
fn a_snapshot_of_three_members_is_what_etcds_own_tools_say_it_is_and_stays() {
    let bed = bed("etcd");
    let etcd = Etcd::start(&bed, 3).expect("three members");
    etcd.fill().expect("keys");
    let revision = etcd.revision().expect("etcd's revision");
    install(&bed, &json!({}));

    let ended = complete(&bed, "etcd-backup", "first", "upload");
    let (sentence, facts) = read(&ended);
    for part in ["committed", "53 keys", "the same on 3 members"] {
        assert!(sentence.contains(part), "{part:?} in {sentence}");
    }
    assert_eq!((&facts["revision"], &facts["live_keys"]), (&json!(revision), &json!(KEYS)));
    assert_proven(&bed, &facts);
    println!("etcd: {sentence}");

    let ended = complete(&bed, "etcd-backup-check", "check", "check");
    println!("check: {}", ended.message);
    let log = bed.log(&bed.pods_of("check").expect("pods")[0], "check").expect("its log");
    assert!(log.contains(&format!("read whole: revision {revision}, {KEYS} keys")), "{log}");

    let list = listed(&bed);
    let id = facts["id"].as_str().expect("an id");
    assert!(list.contains(id), "{id} in {list}");

    let before = store::keys(bed.api(), &folder(&bed)).expect("the store's disk");
    let ended = complete(&bed, "etcd-backup-prune", "prune", "prune");
    assert!(read(&ended).0.starts_with("deleted 0 snapshots and 0 leftovers"), "{}", ended.message);
    assert_eq!(store::keys(bed.api(), &folder(&bed)).expect("the store's disk"), before);
}

/// Deletes all but the newest, without a look at the claims.
pub(crate) fn prune(bed: &Bed) {
    store_secret(bed, "etcd-backup-store-prune", "prune");
    let rules = json!({"SNAPSHOT_PRUNE_KEEP_LAST": "1", "SNAPSHOT_PRUNE_MIN_KEEP": "1", "SNAPSHOT_PRUNE_KEEP_WITHIN": "",
        "SNAPSHOT_PRUNE_KEEP_DAILY": "", "SNAPSHOT_PRUNE_KEEP_WEEKLY": "", "SNAPSHOT_PRUNE_KEEP_MONTHLY": ""});
    install(bed, &rules);
    let ended = complete(bed, "etcd-backup-prune", "prune", "prune");
    assert!(ended.message.starts_with("deleted 1 snapshot"), "{}", ended.message);
}

/// What `snapshot-read list` prints in the pod of the check, as the operations page says.
fn listed(bed: &Bed) -> String {
    let dry = ["-n", &bed.namespace, "create", "job", "list", "--from=cronjob/etcd-backup-check"];
    let text = api::kubectl(&[&dry[..], &["--dry-run=client", "-o", "json"]].concat());
    let mut job: Value = serde_json::from_str(&text.expect("a Job")).expect("JSON");
    job["spec"]["template"]["spec"]["containers"][0]["command"] = json!(["snapshot-read", "list"]);
    api::apply(&job).expect("the Job");
    bed.assert_complete("list");
    bed.log(&bed.pods_of("list").expect("pods")[0], "check").expect("its log")
}

pub(crate) fn folder(bed: &Bed) -> String {
    format!("{namespace}-etcd/{namespace}/etcd/", namespace = bed.namespace)
}

/// The object as it lies on the store's disk, against etcd's trailer and etcd's tool.
fn assert_proven(bed: &Bed, facts: &Value) {
    let url = facts["url"].as_str().expect("a URL");
    let key = url.strip_prefix(&format!("s3://{}/", store::BUCKET)).expect("in the bucket");
    let manifest_key = format!("{key}.json");
    let keys = store::keys(bed.api(), &folder(bed)).expect("the store's disk");
    assert_eq!(keys.len(), 3, "data, manifest and run record: {keys:?}");
    assert!(keys.contains(&manifest_key), "{manifest_key} in {keys:?}");
    let bytes = store::object(bed.api(), key).expect("the object on the store's disk");
    assert_eq!(json!(hex::encode(digest(&SHA256, &bytes))), facts["sha256"]);
    let (content, trailer) = bytes.split_at(bytes.len() - 32);
    assert_eq!(digest(&SHA256, content).as_ref(), trailer, "etcd's own trailer");

    let Some(program) = testbed::tool("etcd-3.6") else { return };
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("snapshot.db");
    std::fs::write(&file, &bytes).expect("a file");
    let status = etcdutl(&program, &["snapshot", "status", "-w", "json"], &file);
    let status: Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(
        (&status["revision"], &status["totalKey"]),
        (&facts["revision"], &facts["live_keys"])
    );
    let manifest =
        store::object(bed.api(), &manifest_key).expect("the manifest on the store's disk");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    assert_eq!(status["hash"], manifest["facts"]["etcd"]["status_hash"], "{manifest}");
    let restored = format!("--data-dir={}", place.path().join("restored").display());
    etcdutl(&program, &["snapshot", "restore", &restored], &file);
}

fn etcdutl(etcd: &Path, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(etcd.with_file_name("etcdutl"))
        .args(arguments)
        .arg(file)
        .output()
        .expect("etcdutl");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "etcdutl {arguments:?}: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// It fails after one attempt, by the exit code, and `kubectl describe` says why. Its last word.
fn assert_fails_at_once(bed: &Bed, job: &str, code: i64, words: &[&str]) -> String {
    bed.job_from("etcd-backup", job).expect("a job from the CronJob");
    assert_failed_at_once(bed, job, "upload", code, words)
}

/// The same of a Job that is there already.
pub(crate) fn assert_failed_at_once(
    bed: &Bed,
    job: &str,
    container: &str,
    code: i64,
    words: &[&str],
) -> String {
    let end = bed.end_of(job).expect("an end");
    let ended = last_word(bed, job, container);
    assert!(
        matches!(&end, End::Failed(reason, _) if reason == "PodFailurePolicy"),
        "{end:?}\n{}",
        bed.story()
    );
    assert_eq!(ended.exit, code, "{}", ended.message);
    let described = bed.describe(job);
    for word in words {
        assert!(described.contains(word), "{word:?} in {described}");
    }
    format!("{job}: {}", ended.message)
}

#[test]
fn a_setting_that_is_wrong_ends_the_job_at_once_and_describe_names_it() {
    let bed = bed("etcd-64");
    install(
        &bed,
        &json!({"SNAPSHOT_UPLOAD_ENDPOINT": "ftp://etcd-0.etcd:2379", "SNAPSHOT_UPLOAD_DEADLINE": "soon"}),
    );
    let words =
        ["--endpoint ftp://etcd-0.etcd:2379: write it as https://HOST:PORT", "--deadline soon"];
    println!("{}", assert_fails_at_once(&bed, "wrong", 64, &words));
    assert!(
        store::keys(bed.api(), &folder(&bed)).expect("the store's disk").is_empty(),
        "nothing was tried"
    );
}

#[test]
fn what_is_denied_ends_the_job_at_once_and_describe_says_by_whom() {
    let bed = bed("etcd-77");
    let etcd = Etcd::start(&bed, 1).expect("a member");
    etcd.fill().expect("keys");
    for arguments in [
        &["user", "add", "root:right"][..],
        &["user", "grant-role", "root", "root"],
        &["auth", "enable"],
    ] {
        etcd.ctl(arguments, "").expect("authentication");
    }
    let one = json!({"SNAPSHOT_UPLOAD_ENDPOINT": "https://etcd-0.etcd:2379",
        "SNAPSHOT_UPLOAD_USER": "root", "SNAPSHOT_UPLOAD_PASSWORD_FILE": "/etcd-user/password"});
    install(&bed, &one);
    password(&bed, "wrong");
    println!(
        "{}",
        assert_fails_at_once(&bed, "password", 77, &["authentication failed", "role root"])
    );

    password(&bed, "right");
    store_secret(&bed, "etcd-backup-store-upload", "check");
    println!(
        "{}",
        assert_fails_at_once(
            &bed,
            "reader",
            77,
            &["was denied", "it needs s3:PutObject on arn:aws:s3:::"],
        )
    );

    store_secret(&bed, "etcd-backup-store-upload", "upload");
    let stranger = Ca::new().and_then(|ca| etcd::client_of(&ca)).expect("a stranger's certificate");
    let tls = etcd::tls(&bed.namespace, "etcd-backup-tls", etcd.ca.pem(), &stranger);
    api::apply(&tls).expect("a Secret");
    println!(
        "{}",
        assert_fails_at_once(&bed, "certificate", 77, &["received fatal alert: UnknownCA"])
    );

    let ours = etcd::client_of(&etcd.ca).expect("a certificate");
    api::apply(&etcd::tls(&bed.namespace, "etcd-backup-tls", etcd.ca.pem(), &ours))
        .expect("a Secret");
    let ended = complete(&bed, "etcd-backup", "mended", "upload");
    assert!(read(&ended).0.contains("53 keys"), "{}", ended.message);
}

fn password(bed: &Bed, password: &str) {
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "etcd-backup-user", "namespace": bed.namespace}, "stringData": {"password": password}});
    api::apply(&secret).expect("a Secret");
}
