// SPDX-License-Identifier: Apache-2.0
//! `prove`: a good snapshot is proven by a real etcd, and a bad one is found bad at its own stage.

use std::time::Duration;

use stock::{Folder, Sample, flipped};
use testbed::etcd::{Etcd, Version};

use crate::PLACE;
use crate::drill::{Drill, fill, hash_kv, save, save_as_root, workers};

/// As `--compare-members` enters it.
fn agreed(sample: Sample) -> Sample {
    sample.saying(|facts| facts.hash_kv.agreed = vec!["8e9e05c52164694d".to_owned()])
}

/// Promise: what comes back is what the live members held, by the word of etcd itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_good_snapshot_is_proven_by_each_etcd() {
    for version in Version::ALL {
        let Some(drill) = Drill::with(version) else { continue };
        let etcd = Etcd::member(version).await.unwrap();
        fill(&etcd, "v").await;
        let (live, content) = (hash_kv(&etcd).await, save(&etcd).await);
        let sample = agreed(Sample::etcd_of(PLACE, 1, content));
        let folder = Folder::with(&[&sample]);
        let ended = drill.prove(&folder).end();
        ended.assert(0, &["is proven", "60 keys"]);
        let proof = drill.report(0);
        assert_eq!(proof["grade"], "proven", "{version:?}: {proof}");
        assert_eq!(proof["compared"]["hash"]["found"], live, "{proof}");
        assert_eq!(proof["compared"]["hash"]["told_by"], "etcd", "{proof}");
        assert_eq!(proof["compared"]["keys"]["told_by"], "etcd", "{proof}");
        assert_eq!(proof["notes"].as_array().unwrap().len(), 0, "{proof}");
        assert!(proof["etcd"].as_str().unwrap().starts_with(&version.tool()[5..]), "{proof}");
        assert_eq!(drill.metered_grade(), "proven");
        drill.assert_clean();
    }
}

/// Promise: nothing is called proven that no member had agreed on.
#[test]
fn a_snapshot_that_no_member_was_asked_about_matches() {
    let Some(drill) = Drill::with(Version::V3_6) else { return };
    let folder = Folder::with(&[&Sample::etcd(PLACE, 1)]);
    drill.prove(&folder).end().assert(0, &["matches", "no member had been asked"]);
    assert_eq!(drill.metered_grade(), "matched");
    drill.assert_clean();
}

/// Promise: an object of another tool is proven as far as it can be.
#[test]
fn a_bare_object_matches() {
    let Some(drill) = Drill::with(Version::V3_6) else { return };
    let folder = Folder::new();
    folder.write("backups/last.db", stock::small());
    let ended = drill.run(&format!("{}/backups/last.db", folder.url())).end();
    ended.assert(0, &["the snapshot matches"]);
    folder.write("backups/last.db", flipped(&stock::small(), 9000));
    let ended = drill.run(&format!("{}/backups/last.db", folder.url())).end();
    ended.assert(65, &["FAILED its proof while it was fetched"]);
    drill.assert_clean();
}

/// Promise: one flipped byte is found, wherever it came in.
#[test]
fn a_flipped_byte_fails_at_the_stage_that_can_see_it() {
    let Some(drill) = Drill::with(Version::V3_6) else { return };
    let sample = Sample::etcd(PLACE, 1);
    let folder = Folder::with(&[&sample]);
    folder.write(&sample.data_key(), flipped(sample.stored(), 9000));
    drill.prove(&folder).end().assert(65, &["FAILED its proof while it was fetched", "digest"]);
    assert_eq!(drill.report(0)["stage"], "fetch");
    assert_eq!(drill.metered_grade(), "failed");
    drill.assert_clean();
    // Flipped before it was digested for the manifest: etcd's own trailer knows better.
    let folder = Folder::with(&[&Sample::etcd(PLACE, 1).rotten(9000)]);
    let ended = drill.prove(&folder).end();
    ended.assert(65, &["FAILED its proof while it was"]);
    drill.assert_clean();
}

/// Promise: a perfect copy of a diverged member is no backup.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_a_diverged_member_fails_by_its_hash_alone() {
    for version in Version::ALL {
        let Some(drill) = Drill::with(version) else { continue };
        let (member, diverged) = (Etcd::member(version).await, Etcd::member(version).await);
        let (member, diverged) = (member.unwrap(), diverged.unwrap());
        fill(&member, "same").await;
        fill(&diverged, "else").await;
        let (live, content) = (hash_kv(&member).await, save(&diverged).await);
        let sample = agreed(Sample::etcd_of(PLACE, 1, content));
        let sample = sample.saying(|facts| facts.hash_kv.hash = u32::try_from(live).unwrap());
        let ended = drill.prove(&Folder::with(&[&sample])).end();
        ended.assert(65, &["FAILED its proof while it was compared", "the hash of the keys"]);
        let proof = drill.report(0);
        assert_eq!(proof["compared"]["keys"]["expected"], proof["compared"]["keys"]["found"]);
        assert_ne!(proof["compared"]["hash"]["expected"], proof["compared"]["hash"]["found"]);
        drill.assert_clean();
    }
}

/// Promise: a password that nobody here knows does not end the proof; who told each figure is said.
#[tokio::test(flavor = "multi_thread")]
async fn with_authentication_on_etcd_tells_the_hash_and_its_database_the_keys() {
    for version in Version::ALL {
        let Some(drill) = Drill::with(version) else { continue };
        let etcd = Etcd::member(version).await.unwrap();
        fill(&etcd, "v").await;
        let live = hash_kv(&etcd).await;
        etcd.enable_auth("secret").await.unwrap();
        let content = save_as_root(&etcd, "secret").await;
        let folder = Folder::with(&[&agreed(Sample::etcd_of(PLACE, 1, content))]);
        drill.prove(&folder).end().assert(0, &["is proven", "60 keys"]);
        let proof = drill.report(0);
        assert_eq!(proof["compared"]["hash"]["found"], live, "{proof}");
        assert_eq!(proof["compared"]["hash"]["told_by"], "etcd", "{proof}");
        assert_eq!(proof["compared"]["keys"]["told_by"], "database", "{proof}");
        assert!(proof["notes"][0].as_str().unwrap().contains("authentication is on"), "{proof}");
        drill.assert_clean();
    }
}

/// Promise: a full quota does not hide that the data is there, and is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_with_the_alarm_nospace_is_proven_and_told() {
    for version in Version::ALL {
        let Some(drill) = Drill::with(version) else { continue };
        let small = ["--quota-backend-bytes=200000"];
        let etcd = Etcd::builder(version).flags(small).start().await.unwrap();
        for round in 0.. {
            assert!(round < 100, "it never fills");
            if etcd.put_many(20, 2000).await.is_err() {
                break;
            }
        }
        assert!(etcd.ctl(&["alarm", "list"]).await.unwrap().contains("NOSPACE"));
        let content = save(&etcd).await;
        let sample = agreed(Sample::etcd_of(PLACE, 1, content));
        let sample = sample.saying(|facts| facts.alarms = vec!["NOSPACE".to_owned()]);
        drill.prove(&Folder::with(&[&sample])).end().assert(0, &["is proven"]);
        let proof = drill.report(0);
        assert!(proof["notes"][0].as_str().unwrap().contains("NOSPACE"), "{proof}");
        drill.assert_clean();
    }
}

/// Promise: members that knew they had diverged are believed.
#[test]
fn a_snapshot_with_the_alarm_corrupt_fails() {
    let Some(drill) = Drill::with(Version::V3_6) else { return };
    let sample = Sample::etcd(PLACE, 1).saying(|facts| facts.alarms = vec!["CORRUPT".to_owned()]);
    drill.prove(&Folder::with(&[&sample])).end().assert(65, &["CORRUPT"]);
    drill.assert_clean();
}

/// Promise: an etcd that dies of the data is a verdict, with its own last words.
#[test]
fn an_etcd_that_ends_by_itself_fails_the_proof_with_its_last_words() {
    let Some(drill) = Drill::with(Version::V3_6) else { return };
    let folder = Folder::with(&[&Sample::etcd(PLACE, 1)]);
    let stub = drill
        .stub("echo '{\"level\":\"fatal\",\"msg\":\"no way\",\"error\":\"bad page\"}' >&2; exit 1");
    let ended = drill.prove(&folder).arg("--etcd").arg(stub).end();
    ended.assert(65, &["FAILED its proof while etcd was booted", "no way: bad page"]);
    drill.assert_clean();
    // A real one, under whose hands the database goes bad.
    let real = testbed::tool(Version::V3_6.tool()).unwrap();
    let rots = format!("echo rot > \"$4/member/snap/db\"; exec {} \"$@\"", real.display());
    let ended = drill.prove(&folder).arg("--etcd").arg(drill.stub(&rots)).end();
    ended.assert(
        65,
        &["FAILED its proof while etcd was booted", "etcd ended by itself", "invalid database"],
    );
    drill.assert_clean();
}

/// Promise: what says nothing of the data is no verdict on it.
#[test]
fn an_etcd_that_is_killed_or_never_ready_or_missing_is_no_verdict() {
    let Some(drill) = Drill::with(Version::V3_6) else { return };
    let folder = Folder::with(&[&Sample::etcd(PLACE, 1)]);
    let run = |script: &str| drill.prove(&folder).arg("--etcd").arg(drill.stub(script));
    run("kill -9 $$").end().assert(69, &["could not be tried while etcd was booted"]);
    assert_eq!(drill.metered_grade(), "untried");
    let never = run("exec sleep 600").args(["--ready-timeout", "1s"]).end();
    never.assert(69, &["could not be tried while etcd was booted", "not ready after 1s"]);
    let late = run("exec sleep 600").args(["--deadline", "2s"]).end();
    late.assert(75, &["could not be tried while etcd was booted", "the deadline of 2s passed"]);
    run("echo 'write: no space left on device' >&2; exit 1").end().assert(75, &["no space left"]);
    let missing = drill.prove(&folder).args(["--etcd", "/no/such/etcd"]).end();
    missing.assert(64, &["/no/such/etcd is not there"]);
    drill.assert_clean();
}

/// Promise: however it ends, etcd ends too and nothing stays behind.
#[test]
fn a_stopped_proof_ends_its_etcd_and_leaves_nothing() {
    let Some(drill) = Drill::with(Version::V3_6) else { return };
    let folder = Folder::with(&[&Sample::etcd(PLACE, 1)]);
    // It keeps its arguments, by which it is found.
    let stub = drill.stub("echo up; while :; do sleep 0.1; done");
    let going = drill.prove(&folder).arg("--etcd").arg(&stub).start();
    let log = drill.scratch.path().join(".pilotfish-proof/etcd.log");
    testbed::wait_until(Duration::from_secs(30), "etcd is up", || {
        std::fs::read(&log).is_ok_and(|said| !said.is_empty())
    })
    .unwrap();
    let workers = workers(drill.scratch.path());
    assert!(workers.iter().any(|line| line.contains("--listen-peer-urls")), "{workers:?}");
    going.running.terminate().unwrap();
    going.end().assert(143, &["stopped when asked"]);
    drill.assert_clean();
}

/// Promise: a folder that holds something is never taken for scratch.
#[test]
fn a_folder_that_is_not_empty_is_refused_and_left_as_it_is() {
    let Some(drill) = Drill::with(Version::V3_6) else { return };
    let folder = Folder::with(&[&Sample::etcd(PLACE, 1)]);
    let member = drill.scratch.path().join("member");
    std::fs::create_dir(&member).unwrap();
    std::fs::write(member.join("db"), "precious").unwrap();
    drill.prove(&folder).end().assert(65, &["is not empty", "member"]);
    assert_eq!(std::fs::read(member.join("db")).unwrap(), b"precious");
    assert!(workers(drill.scratch.path()).is_empty());
}

/// Promise: over time every kept snapshot is proven, and each verdict is kept.
#[test]
fn one_more_goes_round_all_that_are_kept() {
    let Some(drill) = Drill::with(Version::V3_6) else { return };
    let samples: Vec<Sample> = [1, 2, 3].into_iter().map(|h| Sample::etcd(PLACE, h)).collect();
    let (folder, claims) = (Folder::with(&samples.iter().collect::<Vec<_>>()), Folder::new());
    let turn = || {
        let target = ["--target-namespace", "ns", "--target-cluster", "drilled"];
        let run = drill.prove(&folder).arg("--one-more").args(["--claims", &claims.url()]);
        run.args(target).end().assert(0, &["matches"]);
        let ids = [0, 1].map(|turn| drill.report(turn)["snapshot"].as_str().unwrap().to_owned());
        drill.assert_clean();
        ids
    };
    let [newest, middle, oldest] = [0, 1, 2].map(|at: usize| samples[at].id().to_string());
    assert_eq!(turn(), [newest.clone(), oldest.clone()]);
    assert_eq!(turn(), [newest.clone(), middle.clone()]);
    assert_eq!(turn(), [newest.clone(), oldest.clone()]);
    let kept = claims.tree();
    let of = |id: &str| {
        let folder = format!("ns/drilled/proofs/{id}/");
        kept.keys().filter(|key| key.starts_with(&folder)).count()
    };
    // Of proofs of one snapshot in one second, one is kept: a fast machine makes two.
    assert!((1..=3).contains(&of(&newest)) && (1..=2).contains(&of(&oldest)), "{kept:?}");
    assert_eq!(of(&middle), 1, "{kept:?}");
    assert_eq!(kept.len(), of(&newest) + of(&oldest) + 1, "{kept:?}");
}

/// Promise: a proof that nobody will find is told, for the same snapshot would be chosen for ever.
#[test]
fn a_proof_that_cannot_be_recorded_is_told_and_its_verdict_stands() {
    let Some(drill) = Drill::with(Version::V3_6) else { return };
    let (folder, claims) = (Folder::with(&[&Sample::etcd(PLACE, 1)]), Folder::new());
    // A file where a folder must be.
    claims.write("ns/drilled", "in the way");
    let run = drill.prove(&folder).arg("--one-more").args(["--claims", &claims.url()]);
    let ended = run.args(["--target-namespace", "ns", "--target-cluster", "drilled"]).end();
    assert!(ended.code != 0 && ended.code != 65, "{}", ended.sentence);
    ended.assert(ended.code, &["matches", "the proof is not recorded"]);
    assert_eq!(drill.report(0)["grade"], "matched");
    drill.assert_clean();
}

/// Promise: every mistake of the flags is told at once.
#[test]
fn one_more_without_claims_is_a_usage_error() {
    let Some(drill) = Drill::with(Version::V3_6) else { return };
    let folder = Folder::with(&[&Sample::etcd(PLACE, 1)]);
    drill.prove(&folder).arg("--one-more").end().assert(64, &["--one-more needs --claims"]);
    drill.assert_clean();
}

/// Promise: no snapshot is told in the report too, not by its absence.
#[test]
fn where_there_is_no_snapshot_the_report_says_so() {
    let Some(drill) = Drill::with(Version::V3_6) else { return };
    let folder = Folder::new();
    folder.write("ns/other", "x");
    drill.prove(&folder).end().assert(65, &["has no such snapshot"]);
    assert_eq!(drill.report(0)["stage"], "select");
    drill.assert_clean();
}
