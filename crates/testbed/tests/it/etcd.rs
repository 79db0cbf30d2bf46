// SPDX-License-Identifier: Apache-2.0
//! The real clusters do what their methods say, in each version.

use std::time::{Duration, Instant};

use testbed::etcd::{Etcd, Version};
use testbed::{Ca, tool};

/// The versions whose programs are there.
fn versions() -> Vec<Version> {
    Version::ALL.into_iter().filter(|version| tool(version.tool()).is_some()).collect()
}

/// How many keys there are.
async fn keys(etcd: &Etcd) -> usize {
    let told = etcd.ctl(&["get", "", "--prefix", "--keys-only"]).await.unwrap();
    told.lines().filter(|line| !line.is_empty()).count()
}

#[tokio::test]
async fn a_member_of_each_version_is_filled_saved_and_survives_a_kill() {
    for version in versions() {
        let etcd = Etcd::member(version).await.unwrap();
        etcd.put_many(250, 100).await.unwrap();
        assert_eq!(keys(&etcd).await, 250);
        let before = etcd.ctl(&["get", &Etcd::key(7)]).await.unwrap();
        etcd.put_many(10, 100).await.unwrap();
        assert_ne!(etcd.ctl(&["get", &Etcd::key(7)]).await.unwrap(), before);
        etcd.kill(0).unwrap();
        assert!(etcd.ctl(&["get", "x"]).await.is_err(), "no member is left to ask");
        etcd.restart(0).await.unwrap();
        assert_eq!(keys(&etcd).await, 250);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.db").display().to_string();
        etcd.ctl_at(0, &["snapshot", "save", &file]).await.unwrap();
        let status = match version {
            Version::V3_4 => etcd.ctl(&["snapshot", "status", &file]).await,
            _ => etcd.utl(&["snapshot", "status", &file]).await,
        };
        assert!(status.unwrap().contains(','));
        assert_eq!(etcd.utl(&["version"]).await.is_err(), version == Version::V3_4);
        assert!(etcd.data_dir(0).unwrap().join("member/snap/db").exists());
    }
}

#[tokio::test]
async fn three_members_with_tls_go_on_without_one_and_take_a_learner() {
    if tool("etcd-3.6").is_none() {
        return;
    }
    let ca = Ca::new().unwrap();
    let builder = Etcd::builder(Version::V3_6).members(3).tls(&ca).client_cert_auth();
    let mut etcd = builder.flags(["--quota-backend-bytes=67108864"]).start().await.unwrap();
    assert!(etcd.endpoints().iter().all(|url| url.starts_with("https://127.0.0.1:")));
    etcd.put_many(50, 1000).await.unwrap();
    etcd.pause(1).unwrap();
    etcd.settled().await.unwrap();
    assert_eq!(keys(&etcd).await, 50, "two of three are enough");
    etcd.resume(1).unwrap();
    etcd.stop(2).await.unwrap();
    etcd.settled().await.unwrap();
    etcd.put_many(60, 1000).await.unwrap();
    etcd.restart(2).await.unwrap();
    let learner = etcd.add_learner().await.unwrap();
    assert_eq!((learner, etcd.len()), (3, 4));
    let members = etcd.ctl(&["member", "list", "-w", "json"]).await.unwrap();
    assert_eq!(members.matches("\"isLearner\":true").count(), 1, "{members}");
    assert_eq!(keys(&etcd).await, 60, "the learner is not asked");
    assert!(etcd.usage(learner).unwrap().rss_bytes > 0);
}

#[tokio::test]
async fn with_authentication_a_user_is_known_by_password_or_by_certificate() {
    for version in versions() {
        let ca = Ca::new().unwrap();
        let etcd = Etcd::builder(version).tls(&ca).client_cert_auth().start().await.unwrap();
        etcd.ctl(&["user", "add", "plain:word"]).await.unwrap();
        etcd.enable_auth("secret").await.unwrap();
        etcd.ctl(&["put", "k", "v"]).await.expect("the certificate says root");
        etcd.ctl_as("root", "secret", &["get", "k"]).await.unwrap();
        let denied = etcd.ctl_as("plain", "word", &["get", "k"]).await.unwrap_err();
        assert!(format!("{denied:#}").contains("permission denied"), "{denied:#}");
        etcd.restart(0).await.unwrap();
        let wrong = etcd.ctl_as("root", "other", &["get", "k"]).await.unwrap_err();
        assert!(format!("{wrong:#}").contains("authentication failed"), "{wrong:#}");
    }
}

#[tokio::test]
async fn a_member_that_cannot_start_says_why_at_once() {
    for version in versions() {
        let begun = Instant::now();
        let bad = Etcd::builder(version).flags(["--no-such-flag"]).start().await.unwrap_err();
        assert!(format!("{bad:#}").contains("no-such-flag"), "{bad:#}");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
