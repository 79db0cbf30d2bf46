// SPDX-License-Identifier: Apache-2.0
//! Real clusters: which member is asked, what it takes to be let in, and what a snapshot costs them.

use std::time::Instant;

use testbed::etcd::{Etcd, Version};
use testbed::{Ca, FaultPlan};

use crate::bed::Bed;

fn endpoints(etcd: &Etcd) -> Vec<String> {
    etcd.endpoints().into_iter().flat_map(|url| ["--endpoint".to_owned(), url]).collect()
}

fn upload(bed: &Bed, etcd: &Etcd, more: &[&str]) -> crate::bed::Ended {
    let endpoints = endpoints(etcd);
    let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
    bed.upload(&["etcd"]).args(&endpoints).args(more).end()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_is_asked_and_all_members_are_compared() {
    let (bed, mut etcd) =
        (Bed::new(), Etcd::builder(Version::V3_6).members(3).start().await.unwrap());
    etcd.put_many(50, 100).await.unwrap();
    upload(&bed, &etcd, &["--compare-members"]).assert(0, &["50 keys", "the same on 3 members"]);
    let manifest = bed.assert_one_whole("three members");
    let leader = etcd.ctl(&["endpoint", "status", "-w", "json"]).await.unwrap();
    let leader: serde_json::Value = serde_json::from_str(&leader).unwrap();
    let leader = format!("{:x}", leader[0]["Status"]["leader"].as_u64().unwrap());
    assert_ne!(manifest["source"]["member_id"], leader, "the leader was asked");

    let learner = etcd.add_learner().await.unwrap();
    etcd.kill(0).unwrap();
    etcd.settled().await.unwrap();
    let ended = upload(&bed, &etcd, &["--compare-members", "--class", "manual"]);
    ended.assert(0, &["the same on 2 members"]);
    assert!(ended.log.contains("not every member was compared"), "{}", ended.log);
    assert!(etcd.endpoints().len() > learner);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_a_quorum_is_not_backed_up() {
    let (bed, etcd) = (Bed::new(), Etcd::builder(Version::V3_6).members(3).start().await.unwrap());
    etcd.kill(0).unwrap();
    etcd.kill(1).unwrap();
    let ended = upload(&bed, &etcd, &[]);
    assert!([69, 75].contains(&ended.code), "{}: {}", ended.code, ended.sentence);
    assert!(ended.sentence.contains("quorum"), "{}", ended.sentence);
    bed.assert_empty("no quorum");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_user_is_told_which_role_it_takes() {
    for version in Version::ALL {
        let (bed, etcd) = (Bed::new(), Etcd::member(version).await.unwrap());
        etcd.put_many(5, 100).await.unwrap();
        etcd.ctl(&["user", "add", "plain:hunter2"]).await.unwrap();
        etcd.ctl(&["role", "add", "all"]).await.unwrap();
        etcd.ctl(&["role", "grant-permission", "all", "--prefix=true", "readwrite", ""])
            .await
            .unwrap();
        etcd.ctl(&["user", "grant-role", "plain", "all"]).await.unwrap();
        etcd.enable_auth("secret").await.unwrap();
        let file = |text: &str| {
            std::fs::write(bed.path("password"), text).unwrap();
            bed.path("password").to_str().unwrap().to_owned()
        };
        upload(&bed, &etcd, &[]).assert(77, &["role root"]);
        let plain = ["--user", "plain", "--password-file", &file("hunter2\n")];
        let ended = upload(&bed, &etcd, &plain);
        ended.assert(77, &["role root"]);
        assert!(!ended.log.contains("hunter2"), "{version:?}: {}", ended.log);
        let wrong = ["--user", "root", "--password-file", &file("wrong")];
        upload(&bed, &etcd, &wrong).assert(77, &["authentication failed"]);
        bed.assert_empty("denied");
        let root = ["--user", "root", "--password-file", &file("secret"), "--compare-members"];
        upload(&bed, &etcd, &root).assert(0, &["committed", "the same on 1 member"]);
        assert_eq!(bed.manifest()["facts"]["etcd"]["auth_enabled"], true, "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_lets_in_and_its_absence_is_told() {
    let (bed, ca) = (Bed::new(), Ca::new().unwrap());
    let etcd = Etcd::builder(Version::V3_6).tls(&ca).client_cert_auth().start().await.unwrap();
    let tls = etcd.tls().unwrap().clone();
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (ca_file, cert, key) =
        (text(&tls.ca), text(&tls.client.certificate), text(&tls.client.key));
    upload(&bed, &etcd, &["--cacert", &ca_file, "--cert", &cert, "--key", &key])
        .assert(0, &["committed"]);
    let ended = upload(&bed, &etcd, &["--cacert", &ca_file]);
    assert!([69, 77].contains(&ended.code), "{}", ended.sentence);
    upload(&bed, &etcd, &["--cert", &cert, "--key", &key]).assert(69, &["certificate"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_defrag_while_the_upload_crawls_does_not_stall_the_member() {
    let (bed, etcd) = (Bed::new(), Etcd::member(Version::V3_6).await.unwrap());
    etcd.put_many(300, 100_000).await.unwrap();
    bed.fault(FaultPlan::none().throttled(3_000_000));
    let url = etcd.endpoints()[0].clone();
    let going = bed.upload(&["etcd", "--endpoint", &url]).start();
    // The stream is drained while the upload has hardly begun.
    let sent = || etcd.log(0).unwrap().contains("successfully sent database snapshot to client");
    testbed::wait_until(crate::bed::PATIENCE, "the end of the stream", sent).unwrap();
    let began = Instant::now();
    etcd.ctl(&["defrag"]).await.unwrap();
    etcd.ctl(&["put", "while", "uploading"]).await.unwrap();
    assert!(began.elapsed().as_secs() < 4, "defrag and put took {:?}", began.elapsed());
    assert_eq!(bed.objects(), [""; 0], "the upload was over before the defrag");
    bed.fault(FaultPlan::none());
    going.end().assert(0, &["committed", "300 keys"]);
}
