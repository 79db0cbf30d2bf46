// SPDX-License-Identifier: Apache-2.0
//! Pins and claims: one snapshot for all, one volume for each, whatever answers are lost.

use std::time::Duration;

use stock::{Bucket, Ground, Sample};
use testbed::servers::Versitygw;
use testbed::{Ca, Fault, FaultPlan, Front, FrontConfig, Lost, Match, SignAgain};

use crate::bed::{Bed, GENERATION};

const FOLDER: &str = "ns/target/g1";

/// The flags of claims in a bucket behind a front, and little patience.
fn claims_flags(bucket: &Bucket) -> Vec<String> {
    let theirs = |flag: &str| match flag {
        "--store-timeout" | "--retry-timeout" => flag.to_owned(),
        _ => flag.replacen("--", "--claims-", 1),
    };
    bucket.flags().chunks(2).flat_map(|pair| [theirs(&pair[0]), pair[1].clone()]).collect()
}

fn answer(status: u16, code: &str) -> Fault {
    Fault::Answer { status, code: code.to_owned() }
}

fn lost() -> Fault {
    Fault::LoseAnswer(Lost::Close)
}

#[tokio::test(flavor = "multi_thread")]
async fn six_members_pin_one_snapshot_while_a_newer_one_lands() {
    let bed = Bed::of(6).await;
    let newer = Sample::etcd_of(crate::bed::PLACE, 0, bed.source.sample.bytes().to_vec());
    let going: Vec<_> = (0..6).map(|member| bed.run(&["etcd"], member).start()).collect();
    bed.snapshots.put(&newer);
    for run in going {
        run.end().assert(0, &["is restored"]);
    }
    let first = bed.marker(0);
    for member in 1..6 {
        let marker = bed.marker(member);
        for same in ["snapshot", "manifest_sha256", "token", "voters", "cluster_id", "bump"] {
            assert_eq!(marker[same], first[same], "{same} of member {member}");
        }
    }
    bed.members.start_all().await.unwrap();
    bed.assert_same(&[0, 3, 5]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pods_that_want_to_be_one_member_make_it_once() {
    let bed = Bed::of(1).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let here = bed.run(&["etcd"], 0).start();
    let elsewhere_too = [("--data-dir", elsewhere.path().to_str().unwrap())];
    let there = bed.run_with(&["etcd"], 0, &elsewhere_too).start();
    let ended = [here.end(), there.end()];
    let mut codes: Vec<i32> = ended.iter().map(|it| it.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 65], "{ended:?}");
    let made = [bed.dir(0), elsewhere.path().to_owned()].map(|dir| dir.join("member").exists());
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_binds_until_there_is_a_new_generation() {
    let bed = Bed::of(2).await;
    bed.restore(0).assert(0, &["is restored"]);
    let newer = Sample::etcd(crate::bed::PLACE, 0);
    bed.snapshots.put(&newer);

    // Another one is asked for than was pinned.
    let asked = bed.run(&["etcd", "--snapshot", &newer.id().to_string()], 1).end();
    asked.assert(64, &["is pinned to", "set a new --generation"]);
    bed.run(&["etcd", "--class", "manual"], 1).end().assert(64, &["is pinned to"]);
    // The claims are those of members elsewhere.
    let list = bed.members.initial_cluster().replace("127.0.0.1", "localhost");
    bed.run_with(&["etcd"], 1, &[("--initial-cluster", &list)])
        .end()
        .assert(64, &["the claims of another cluster?"]);
    // The pinned manifest was written anew.
    let key = bed.source.sample.manifest_key();
    let manifest = std::fs::read(bed.snapshots.path(&key)).unwrap();
    bed.snapshots.write(&key, [&manifest[..], b"\n"].concat());
    bed.restore(1).assert(65, &["is not the one that this generation was pinned to"]);
    // Or it was deleted by force.
    bed.snapshots.remove(&key);
    bed.restore(1).assert(65, &[&bed.source.sample.id().to_string(), "pins this generation"]);
    bed.assert_untouched(1);

    bed.snapshots.write(&key, manifest);
    bed.restore(1).assert(0, &["is restored"]);
    assert_eq!(bed.marker(1)["snapshot"], bed.source.sample.id().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_with_the_same_generation_do_not_meet() {
    let (one, other) = (Bed::of(1).await, Bed::of(1).await);
    one.restore(0).assert(0, &["is restored"]);
    let theirs = one.claims.url();
    let flags = [("--claims", theirs.as_str()), ("--target-cluster", "another")];
    other.run_with(&["etcd"], 0, &flags).end().assert(0, &["is restored"]);
    assert_ne!(one.marker(0)["token"], other.marker(0)["token"]);
    assert!(one.claims.has("ns/target/g1/m0") && one.claims.has("ns/another/g1/m0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claims_store_that_is_down_or_denies_stops_a_restore_and_nothing_else() {
    let (bed, bucket) = (Bed::of(1).await, Bucket::new());
    let run = |other: &[(&str, &str)]| {
        let url = bucket.url();
        let flags = [&[("--claims", url.as_str())], other].concat();
        bed.run_with(&["etcd"], 0, &flags).args(claims_flags(&bucket))
    };

    bucket.fault(FaultPlan::one(Match::any(), answer(503, "SlowDown")));
    run(&[]).end().assert(75, &["503"]);
    bed.assert_untouched(0);
    bucket.fault(FaultPlan::one(Match::any(), answer(403, "AccessDenied")));
    run(&[]).end().assert(77, &["pin"]);
    bed.assert_untouched(0);

    // The pin's answer is lost, and the claim's: what counts is what can be read.
    bucket.fault(FaultPlan::one(Match::method("PUT").target("/pin").times(1), lost()));
    let ended = run(&[("--tool", "/bin/false")]).end();
    ended.assert(64, &["/bin/false"]);
    assert!(bucket.has(&format!("{FOLDER}/pin")));
    bucket.fault(FaultPlan::one(Match::method("PUT").target("/m0").times(1), lost()));
    run(&[]).end().assert(0, &["is restored"]);
    assert_eq!(bed.marker(0)["generation"], GENERATION);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claims_store_that_overwrites_is_found_out() {
    let (bed, bucket) = (Bed::of(1).await, Bucket::new());
    bucket.fault(FaultPlan::one(
        Match::method("PUT"),
        Fault::IgnoreCreateOnly(SignAgain::S3 { secret: bucket.server.secret_key().to_owned() }),
    ));
    let url = bucket.url();
    let run = bed.run_with(&["etcd"], 0, &[("--claims", &url)]).args(claims_flags(&bucket));
    run.end().assert(69, &["If-None-Match is ignored"]);
    bed.assert_untouched(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_is_lost_before_its_claim_is_restored_anew() {
    let bed = Bed::of(1).await;
    // It dies when etcd's tool is at work: nothing was claimed yet.
    let hangs = bed.hanging_tool();
    let tool = [("--tool", hangs.to_str().unwrap())];
    let mut going = bed.run_with(&["etcd"], 0, &tool).start();
    testbed::wait_until(Duration::from_secs(30), "the tool", || {
        hangs.with_extension("at-work").exists()
    })
    .unwrap();
    going.running.kill().unwrap();
    bed.lose(0);
    bed.restore(0).assert(0, &["is restored"]);
}

/// A store's flags, as those of claims.
fn as_claims(flags: Vec<String>) -> impl Iterator<Item = String> {
    flags.into_iter().map(|flag| match flag.strip_prefix("--") {
        Some("claims") | None => flag,
        Some(name) => format!("--claims-{name}"),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_are_kept_in_every_kind_of_store() {
    let bed = Bed::of(1).await;
    for ground in Ground::all().await {
        if matches!(ground, Ground::File(_)) {
            continue; // as in all other tests
        }
        let credentials = tempfile::tempdir().unwrap();
        let flags: Vec<String> = as_claims(ground.flags("--claims", credentials.path())).collect();
        let run = || bed.restore_claiming(0, &flags).end();
        run().assert(0, &["is restored"]);
        for name in ["pin", "m0"] {
            let key = format!("pre/{FOLDER}/{name}");
            assert!(ground.objects().iter().any(|(found, _)| *found == key), "{key}");
        }
        bed.lose(0);
        run().assert(65, &["m0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_of_a_private_authority_are_kept_with_its_certificate() {
    let (bed, ca) = (Bed::of(1).await, Ca::new().unwrap());
    let server = Versitygw::start().await.unwrap();
    server.create_bucket("bucket").unwrap();
    let front = FrontConfig { tls: Some(&ca), ..FrontConfig::new(server.addr()) };
    let front = Front::start(front).unwrap();
    let credentials = tempfile::tempdir().unwrap();
    let ground = Ground::Versitygw(server);
    let mut flags: Vec<String> = as_claims(ground.flags("--claims", credentials.path())).collect();
    *flags.last_mut().unwrap() = front.url();
    let run = || bed.restore_claiming(0, &flags).args(["--retry-timeout", "1s"]);
    run().end().assert(75, &["certificate"]);
    bed.assert_untouched(0);
    let ca = ca.pem_path().to_str().unwrap();
    run().args(["--claims-ca-bundle", ca]).end().assert(0, &["is restored"]);
}
