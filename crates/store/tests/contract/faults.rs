// SPDX-License-Identifier: Apache-2.0
//! Stores that fail: each for a while, and for good.

use bytes::Bytes;
use snapshot::Digest;
use store::{Kind, Proof};
use testbed::{Fault, FaultPlan, Front, FrontConfig, Lost, Match};

use crate::ground::{Ground, Server};
use crate::promises::{pattern, staged};

async fn grounds() -> Vec<Ground> {
    let (s3s, versitygw) = (Ground::s3s().await, Ground::versitygw().await);
    vec![s3s, versitygw, Ground::azurite().await, Ground::fake_gcs().await]
}

fn front(ground: &Ground, plan: FaultPlan) -> Front {
    Front::start(FrontConfig { plan, ..FrontConfig::new(ground.addr().unwrap()) }).unwrap()
}

fn unavailable() -> Fault {
    Fault::Reply { status: 503, headers: vec![], body: b"busy".to_vec() }
}

#[tokio::test]
async fn a_store_that_fails_for_a_moment_is_asked_again() {
    for ground in grounds().await {
        let faults = [unavailable(), Fault::ResetRequestAt(100_000), Fault::Hang];
        for (number, fault) in faults.into_iter().enumerate() {
            let front = front(&ground, FaultPlan::none());
            let store = ground.through(front.addr());
            let (key, bytes) = (format!("faults/{number}"), pattern(11 * 1024 * 1024));
            front.plan(FaultPlan::one(Match::method("PUT").times(1), fault.clone()));
            let staged = staged(&store, &key, &bytes).await;
            staged.publish(Proof::of(Digest::of(&bytes))).await.unwrap();
            assert_eq!(
                front.hits().len(),
                1,
                "{fault:?} did not come to pass on {}",
                store.location()
            );
            let fault = match fault {
                Fault::ResetRequestAt(_) => Fault::ResetResponseAt(2),
                fault => fault,
            };
            front.plan(FaultPlan::one(Match::method("GET").times(1), fault.clone()));
            assert_eq!(store.range(&key, 5..9).await.unwrap(), bytes[5..9], "{fault:?}");
            assert!(ground.bytes(&key).unwrap() == bytes, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_for_good_is_temporary_trouble_in_bounded_time() {
    for ground in grounds().await {
        for fault in [unavailable(), Fault::LoseAnswer(Lost::Reset), Fault::Hang] {
            let front = front(&ground, FaultPlan::one(Match::any(), fault.clone()));
            let store = ground.through(front.addr());
            let began = std::time::Instant::now();
            let created = store.create("x", Bytes::from_static(b"x")).await;
            let Err(error) = created else { panic!("{fault:?} on {}", store.location()) };
            assert_eq!(error.kind(), Kind::Temporary, "{fault:?}: {error}");
            assert!(error.to_string().contains("bucket/pre/x"), "{fault:?}: {error}");
            assert!(began.elapsed().as_secs() < 30, "{fault:?}: {:?}", began.elapsed());
        }
    }
}

#[tokio::test]
async fn an_error_under_200_at_completion_is_an_error() {
    for ground in [Ground::s3s().await, Ground::versitygw().await] {
        let complete = Match::method("POST").target("uploadId=");
        let front = front(&ground, FaultPlan::one(complete, Fault::error_under_200()));
        let store = ground.through(front.addr());
        let bytes = pattern(11 * 1024 * 1024);
        let staged = staged(&store, "x", &bytes).await;
        let error = staged.publish(Proof::of(Digest::of(&bytes))).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Temporary, "{error}");
        assert!(error.to_string().contains("InternalError"), "{error}");
        assert_eq!(ground.objects().unwrap(), [], "the store holds an object");
    }
}

#[tokio::test]
async fn a_pair_that_is_rotated_in_its_files_is_used_at_once() {
    let ground = Ground::s3s().await;
    let Server::S3s(server, _) = &ground.server else { panic!("another ground") };
    let folder = ground.folder("rotated");
    let write = |age: u64| {
        let issued = server.issue(std::time::Duration::from_secs(600));
        crate::ground::write(&folder, "accessKeyID", &issued.access_key_id);
        crate::ground::write(&folder, "secretAccessKey", &issued.secret);
        crate::ground::write(&folder, "sessionToken", &issued.session_token);
        let time = std::time::SystemTime::now() + std::time::Duration::from_secs(age);
        let file = std::fs::File::options().write(true).open(folder.join("sessionToken"));
        file.unwrap().set_modified(time).unwrap();
        issued.access_key_id
    };
    let first = write(0);
    let store = ground.reopened(|settings| settings.credentials_dir = Some(folder.clone()));
    store.create("x", Bytes::from_static(b"x")).await.unwrap();
    write(10);
    assert!(server.revoke(&first));
    store.create("y", Bytes::from_static(b"y")).await.unwrap();
}
