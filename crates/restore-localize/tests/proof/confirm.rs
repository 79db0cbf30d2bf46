// SPDX-License-Identifier: Apache-2.0
//! `confirm`: a restored cluster is told from every other, and only a whole one is called completed.

use std::time::Duration;

use serde_json::json;
use stock::Sample;
use testbed::Ca;
use testbed::etcd::{Etcd, Version};

use crate::PLACE;
use crate::drill::{fill, save};
use crate::restored::Restored;

/// Promise: a restore is completed when all its members are up with what was restored, and no earlier.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_cluster_of_each_etcd_is_confirmed_by_its_pin_and_by_its_marker() {
    for version in Version::ALL {
        if testbed::tool(version.tool()).is_none() {
            continue;
        }
        let etcd = Etcd::member(version).await.unwrap();
        fill(&etcd, "v").await;
        let sample = Sample::etcd_of(PLACE, 1, save(&etcd).await);
        let restored = Restored::from(&sample, version, &[]).unwrap();
        restored.boot();
        let ended = restored.confirm().end();
        ended.assert(0, &["restore completed", "3 members", "60 keys"]);
        assert_eq!(ended.facts["keys"], 60, "{version:?}");
        assert!(ended.sentence.len() + ended.facts.to_string().len() < 900, "{}", ended.facts);
        let by_marker = restored.confirm_by(&restored.data_dir(1)).end();
        by_marker.assert(0, &["restore completed", "60 keys"]);
        assert_eq!(by_marker.facts["restored_revision"], ended.facts["restored_revision"]);
        // Life goes on.
        restored.ctl(&["put", "later", "on"]).await;
        restored.confirm().end().assert(0, &["restore completed", "60 keys"]);
    }
}

/// Promise: one address of a Service is enough, for the others are asked where they say they are.
#[test]
fn members_that_no_endpoint_names_are_asked_too() {
    let Some(restored) = Restored::booted() else { return };
    let one = [restored.members.endpoints().remove(1)];
    let ended = restored.confirm_at(&one, "30s").end();
    ended.assert(0, &["restore completed", "3 members with one hash"]);
    restored.members.kill(2).unwrap();
    restored.confirm_at(&one, "2s").end().assert(69, &["not confirmed within 2s"]);
}

/// Promise: what is not there in time is not confirmed, and waiting ends.
#[test]
fn a_cluster_that_does_not_answer_is_unavailable() {
    let Some(restored) = Restored::small() else { return };
    let confirm = |wait| restored.confirm_at(&restored.members.endpoints(), wait).end();
    confirm("1s").assert(69, &["not confirmed within 1s"]);
    // A member alone has no quorum.
    restored.members.start_member(0).unwrap();
    confirm("3s").assert(69, &["not confirmed within 3s"]);
    restored.members.start_member(1).unwrap();
    restored.members.start_member(2).unwrap();
    confirm("30s").assert(0, &["restore completed"]);
}

/// Promise: members that come up while it waits are waited for.
#[test]
fn members_that_come_up_late_are_waited_for() {
    let Some(restored) = Restored::small() else { return };
    let going = restored.confirm().start();
    restored.boot();
    going.end().assert(0, &["restore completed"]);
}

/// Promise: another cluster at the same address is not taken for the restored one.
#[tokio::test(flavor = "multi_thread")]
async fn another_cluster_is_told_at_once() {
    let Some(restored) = Restored::small() else { return };
    let other = Etcd::member(Version::V3_6).await.unwrap();
    let ended = restored.confirm_at(&other.endpoints(), "50s").end();
    ended.assert(65, &["not what was restored", "is of cluster"]);
}

/// Promise: a cluster behind certificates is asked with them, and without them it is said what is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_behind_certificates_is_asked_with_them() {
    let (Some(restored), ca) = (Restored::small(), Ca::new().unwrap()) else { return };
    let other = Etcd::builder(Version::V3_6).tls(&ca).client_cert_auth().start().await.unwrap();
    let tls = other.tls().unwrap();
    let [ca, cert, key] =
        [&tls.ca, &tls.client.certificate, &tls.client.key].map(|path| path.to_str().unwrap());
    let asked =
        |wait, files: &[&str]| restored.confirm_at(&other.endpoints(), wait).args(files).end();
    let all = ["--cacert", ca, "--cert", cert, "--key", key];
    asked("50s", &all).assert(65, &["not what was restored", "is of cluster"]);
    asked("2s", &all[..2]).assert(77, &["a client certificate that it trusts (--cert and --key)"]);
    asked("2s", &all[2..]).assert(69, &["certificate"]);
    asked("2s", &all[..4]).assert(64, &["--cert and --key go together"]);
    asked("2s", &["--cacert", "/gone"]).assert(64, &["--cacert /gone"]);
}

/// Promise: the members are exactly those that were restored.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_too_many_and_one_too_few_are_told() {
    let Some(restored) = Restored::booted() else { return };
    restored.confirm().end().assert(0, &["restore completed"]);
    let peer = "--peer-urls=http://127.0.0.1:1";
    restored.members.announce(&["member", "add", "x", "--learner", peer]).await.unwrap();
    restored.confirm().end().assert(65, &["not what was restored", "was not restored"]);
    let list = restored.ctl(&["member", "list"]).await;
    let id = |what: &str| {
        let line = list.lines().find(|line| line.contains(what)).unwrap();
        line.split(',').next().unwrap().to_owned()
    };
    restored.members.announce(&["member", "remove", &id("http://127.0.0.1:1,")]).await.unwrap();
    restored.members.announce(&["member", "remove", &id(" m2,")]).await.unwrap();
    let ended = restored.confirm_at(&restored.members.endpoints()[..2], "30s").end();
    ended.assert(65, &["member m2", "is not in the cluster's list"]);
}

/// Promise: a cluster that lost what was restored is not confirmed.
#[test]
fn another_revision_and_other_keys_are_told() {
    let Some(restored) = Restored::booted() else { return };
    let ahead = restored.claiming(|marker| {
        marker["revision"] = json!(marker["revision"].as_i64().unwrap() + 5);
    });
    restored.confirm_by(ahead.path()).end().assert(65, &["it is at revision", "restored at"]);
    let more = restored.claiming(|marker| marker["live_keys"] = json!(1000));
    restored.confirm_by(more.path()).end().assert(65, &["62 keys lived", "restored were 1000"]);
}

/// Promise: what cannot be compared any more is told as such, and is no difference.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_compacted_revision_are_told_as_not_compared() {
    let Some(restored) = Restored::booted() else { return };
    // That one has an alarm in it, which is told with its cure.
    restored.confirm().end().assert(0, &["62 keys lived", "the alarm NOSPACE", "alarm disarm"]);
    restored.ctl(&["alarm", "disarm"]).await;
    restored.ctl(&["put", "a", "1"]).await;
    restored.ctl(&["put", "a", "2"]).await;
    let told = restored.ctl(&["get", "a", "-w", "json"]).await;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    restored.ctl(&["compaction", &told["header"]["revision"].to_string()]).await;
    let ended = restored.confirm().end();
    ended.assert(0, &["restore completed", "were not compared"]);
    assert!(ended.facts["keys"].is_null(), "{}", ended.facts);
}

/// Promise: members that hold different data are never confirmed, whether they know it or not.
#[tokio::test(flavor = "multi_thread")]
async fn members_that_hold_different_data_are_told() {
    if testbed::tool(Version::V3_6.tool()).is_none() {
        return;
    }
    let (one, other) = (filled("same").await, filled("else").await);
    let sample = Sample::etcd_of(PLACE, 1, one);
    let diverged = |flags: &[&str]| {
        let restored = Restored::from(&sample, Version::V3_6, flags).unwrap();
        restored.diverge(2, &other);
        restored.boot();
        restored
    };
    let unaware = diverged(&[]);
    unaware.confirm().end().assert(65, &["members hold different data", "compacted at"]);
    drop(unaware);
    let aware = diverged(&["--corrupt-check-time=1s"]);
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    let alarmed = async || {
        let told = aware.members.ctl(&["alarm", "list"]).await;
        told.is_ok_and(|list| list.contains("CORRUPT"))
    };
    while !alarmed().await {
        assert!(tokio::time::Instant::now() < until, "no alarm");
    }
    aware.confirm().end().assert(65, &["the alarm CORRUPT"]);
}

/// A snapshot of a member with history.
async fn filled(last_value: &str) -> Vec<u8> {
    let etcd = Etcd::member(Version::V3_6).await.unwrap();
    fill(&etcd, last_value).await;
    save(&etcd).await
}

/// Promise: who may not ask is told so at once, with what would help.
#[tokio::test(flavor = "multi_thread")]
async fn authentication_needs_a_user_and_a_user_confirms() {
    let Some(restored) = Restored::booted() else { return };
    restored.confirm().end().assert(0, &["restore completed"]);
    restored.ctl(&["user", "add", "root:secret"]).await;
    restored.ctl(&["role", "add", "root"]).await;
    restored.ctl(&["user", "grant-role", "root", "root"]).await;
    restored.ctl(&["auth", "enable"]).await;
    restored.confirm().end().assert(77, &["role root"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "secret\n").unwrap();
    let user = ["--user", "root", "--password-file"];
    let ended = restored.confirm().args(user).arg(file.path()).end();
    ended.assert(0, &["restore completed"]);
    std::fs::write(file.path(), "wrong\n").unwrap();
    restored.confirm().args(user).arg(file.path()).end().assert(77, &["role root"]);
}

/// Promise: nothing is confirmed of which nothing is known.
#[test]
fn what_was_restored_must_be_told() {
    let args = ["etcd", "confirm", "--endpoint", "http://127.0.0.1:1"];
    let run = || stock::Run::new(env!("CARGO_BIN_EXE_restore-localize"), &args);
    run().end().assert(64, &["what was restored must be told"]);
    let empty = tempfile::tempdir().unwrap();
    run().arg("--data-dir").arg(empty.path()).end().assert(64, &["no restored member lies"]);
    let none = stock::Run::new(env!("CARGO_BIN_EXE_restore-localize"), &["etcd", "confirm"]);
    none.end().assert(64, &["--endpoint is required"]);
}
