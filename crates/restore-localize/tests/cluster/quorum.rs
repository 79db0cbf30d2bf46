// SPDX-License-Identifier: Apache-2.0
//! A whole cluster: every voter is made of the same pin, and nothing else forms a quorum.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use testbed::etcd::{Etcd, Version};
use testbed::{Ca, Running, Spawn, wait_until};

use crate::bed::{Bed, hash};

#[tokio::test(flavor = "multi_thread")]
async fn three_members_serve_the_sources_keys_and_restarts_restore_nothing() {
    let bed = Bed::of(3).await;
    bed.restore_all();
    bed.members.start_all().await.unwrap();
    bed.assert_same(&[0, 1, 2]).await;
    let id = bed.marker(0)["cluster_id"].as_str().unwrap().to_owned();
    assert!((1..3).all(|member| bed.marker(member)["cluster_id"] == id.as_str()));

    // A watcher of before is told to begin anew.
    let watch = bed.members.ctl(&["watch", "key", "--prefix", "--rev", "5"]).await;
    let told = format!("{:#}", watch.unwrap_err());
    assert!(told.contains("compacted"), "{told}");

    // Of one pod, and of all of them, with neither store nor claims nor anything else in place.
    bed.members.ctl(&["put", "after", "the restore"]).await.unwrap();
    let before = hash(&bed.members, 0).await;
    for members in [vec![1], vec![0, 1, 2]] {
        for member in &members {
            bed.members.stop(*member).await.unwrap();
            let gone = [("--from", "s3://gone/for-good"), ("--claims", "s3://gone/too")];
            let run = bed.run_with(&["etcd"], *member, &gone);
            run.args(["--credentials-dir", "/nowhere"])
                .end()
                .assert(0, &["holds generation g1 already"]);
            bed.members.start_member(*member).unwrap();
        }
        bed.members.settled().await.unwrap();
        assert_eq!(hash(&bed.members, members[0]).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_kept_revisions_the_hash_is_the_sources_own() {
    let bed = Bed::of(3).await;
    for member in 0..3 {
        let ended = bed.run(&["etcd", "--keep-revision"], member).end();
        ended.assert(0, &["is restored", "revisions are kept"]);
    }
    bed.members.start_all().await.unwrap();
    for member in 0..3 {
        assert_eq!(hash(&bed.members, member).await, (bed.source.hash, bed.source.revision));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_start_empty_beside_a_restored_one_form_no_quorum() {
    let bed = Bed::of(3).await;
    bed.restore(0).assert(0, &["is restored"]);
    for member in 0..3 {
        bed.dir(member);
        bed.members.start_member(member).unwrap();
    }
    // With `existing`, the empty ones find no way into a quorum, however often the restored one asks.
    let asked = |count: usize| {
        bed.members.log(0).unwrap().matches("is starting a new election").count() >= count
    };
    wait_until(Duration::from_secs(60), "three elections without a leader", || asked(3)).unwrap();
    for member in 0..3 {
        let log = bed.members.log(member).unwrap();
        assert!(!log.contains("became leader"), "member {member} leads a quorum of empty ones");
        let served = bed.members.ctl_at(member, &["get", "x", "--command-timeout=1s"]).await;
        assert!(served.is_err(), "member {member} serves: {served:?}");
    }
    for member in 0..3 {
        bed.members.kill(member).unwrap();
    }
    bed.restore(1).assert(65, &["which no restore of ours made"]);

    // Each gets the same data, and then they do.
    for member in 1..3 {
        bed.lose(member);
        bed.restore(member).assert(0, &["is restored"]);
    }
    bed.members.start_all().await.unwrap();
    bed.assert_same(&[0, 1, 2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_beside_living_members_of_another_cluster_is_refused() {
    let bed = Bed::of(2).await;
    let living = Etcd::member(Version::V3_6).await.unwrap();
    let list = format!(
        "{}={},other={}",
        bed.members.name(0).unwrap(),
        bed.members.peer_url(0).unwrap(),
        living.peer_url(0).unwrap()
    );
    let ended = bed.run_with(&["etcd"], 0, &[("--initial-cluster", &list)]).end();
    ended.assert(65, &["answers as a member of the cluster", living.peer_url(0).unwrap()]);
    bed.assert_untouched(0);
}

#[test]
fn several_members_without_claims_or_with_the_state_new_are_refused_at_once() {
    let run = |args: &[&str]| {
        let base = ["etcd", "--from", "file:///x", "--namespace", "n", "--cluster", "c"];
        let run = stock::Run::new(env!("CARGO_BIN_EXE_restore-localize"), &base);
        let run = run.args(["--data-dir", "/nowhere/at/all", "--generation", "g", "--name", "a"]);
        run.args(["--initial-cluster", "a=http://a:2380,b=http://b:2380"]).args(args)
    };
    run(&[]).end().assert(64, &["--claims is required with 2 members"]);
    let claims = ["--claims", "file:///y", "--target-namespace", "n", "--target-cluster", "c"];
    let state = run(&claims).env("ETCD_INITIAL_CLUSTER_STATE", "new").end();
    state.assert(64, &["ETCD_INITIAL_CLUSTER_STATE is `new`"]);
    run(&claims[..2]).end().assert(64, &["--target-namespace and --target-cluster"]);
}

#[test]
fn names_that_claims_have_for_themselves_and_a_rejoin_without_a_generation_are_refused() {
    let of = |name: &str, action: &[&str]| {
        let args =
            ["--from", "file:///x", "--namespace", "n", "--cluster", "c", "--claims", "file:///y"];
        let run = stock::Run::new(env!("CARGO_BIN_EXE_restore-localize"), &["etcd"]).args(action);
        let run = run.args(args).args(["--target-namespace", "n", "--target-cluster", "c"]);
        let list = format!("{name}=http://a:2380");
        run.args(["--data-dir", "/nowhere/at/all", "--name", name, "--initial-cluster", &list])
            .end()
    };
    of("pin", &["--generation", "g"]).assert(64, &["--name pin: claims have files of this name"]);
    of("a/b", &["--generation", "g"]).assert(64, &["--name a/b: cannot be a part"]);
    of("a", &["rejoin"]).assert(64, &["--generation is required"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_genesis_member_is_restored_where_an_operator_adds_the_others() {
    let bed = Bed::of(3).await;
    let pin = bed.claims.path("ns/target/g1/pin");
    for member in [1, 0, 2] {
        let ended = bed.run(&["etcd", "--genesis-only"], member).end();
        match member {
            0 => ended.assert(0, &["is restored"]),
            _ => ended.assert(0, &["none of the 1 members", "its data is left alone"]),
        };
        // Who joins chooses nothing.
        assert_eq!(pin.exists(), member != 1, "after member {member}");
    }
    (1..3).for_each(|member| bed.assert_only_noted(member));
    bed.members.start_member(0).unwrap();
    bed.members.settled().await.unwrap();
    bed.assert_same(&[0]).await;
}

/// An etcd whose peers must show a certificate.
fn guarded(ca: &Ca, files: &Path, peer: &str) -> Running {
    let (certificate, key) = ca.server_files(files).unwrap();
    // A socket in its own folder.
    let client = "unix://localhost:1";
    let etcd = Spawn::new(testbed::tool("etcd-3.6").unwrap()).clean_env().current_dir(files);
    let etcd = etcd.args(["--name", "other", "--data-dir", "data", "--unsafe-no-fsync"]);
    let etcd = etcd.args(["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]);
    let etcd = etcd.args(["--listen-client-urls", client, "--advertise-client-urls", client]);
    let etcd =
        etcd.args(["--initial-cluster", &format!("other={peer}"), "--peer-client-cert-auth"]);
    let etcd = etcd.arg("--peer-trusted-ca-file").arg(ca.pem_path());
    let etcd = etcd.arg("--peer-cert-file").arg(certificate).arg("--peer-key-file").arg(key);
    etcd.start().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn living_peers_are_asked_over_tls_with_the_members_own_certificate() {
    let (bed, ca, files) = (Bed::of(1).await, Ca::new().unwrap(), tempfile::tempdir().unwrap());
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = format!("https://{}", free.local_addr().unwrap());
    drop(free);
    let mut other = guarded(&ca, files.path(), &peer);
    let serves = |other: &Running| other.stderr().contains("ready to serve client requests");
    other.wait_until(Duration::from_secs(60), "etcd serves", |other| serves(other)).unwrap();

    let list = format!("{},other={peer}", bed.members.initial_cluster());
    let asked = |flags: &[&str]| {
        bed.run_with(&["etcd", "plan"], 0, &[("--initial-cluster", &list)]).args(flags).end()
    };
    // Without one it cannot be known who lives there, which is told.
    let blind = asked(&[]);
    blind.assert(0, &[]);
    assert!(blind.log.contains("cannot be asked which cluster"), "{}", blind.log);
    let tls = ca.client_files(files.path(), "m0").unwrap();
    let [ca, certificate, key] =
        [ca.pem_path(), &tls.certificate, &tls.key].map(|path| path.to_str().unwrap());
    let flags = ["--peer-cacert", ca, "--peer-cert", certificate, "--peer-key", key];
    asked(&flags).assert(65, &["answers as a member of the cluster", &peer]);
    asked(&["--peer-cacert", ca, "--peer-cert", "/gone", "--peer-key", key]).assert(64, &["/gone"]);
}
