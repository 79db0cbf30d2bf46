// SPDX-License-Identifier: Apache-2.0
//! What every store promises.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use snapshot::Digest;
use store::{Kind, Parts, Proof, Staged, Store};

use crate::ground::{Ground, Server, write};

const MIB: usize = 1024 * 1024;
/// Small parts, so that tests have many.
const PARTS: Parts = Parts { size: 5 * 1024 * 1024, in_flight: 3 };

/// Bytes in which every place is told from every other.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 251 + at % 251) as u8).collect()
}

pub(crate) async fn staged(store: &Store, key: &str, bytes: &[u8]) -> Staged {
    let mut upload = store.stage(key, PARTS).unwrap();
    for piece in bytes.chunks(700_001) {
        upload.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    upload.finish().await.unwrap()
}

async fn keys(store: &Store, folder: &str) -> Vec<String> {
    let mut keys: Vec<String> =
        store.list(folder).map_ok(|found| found.key).try_collect().await.unwrap();
    keys.sort();
    keys
}

pub(crate) async fn an_object_is_created_once(ground: Ground) {
    let store = &ground.store;
    store.create("a/x.json", Bytes::from_static(b"first")).await.unwrap();
    let error = store.create("a/x.json", Bytes::from_static(b"second")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists, "{error}");
    assert_eq!(store.read("a/x.json", 100).await.unwrap(), "first");
    if let Some(bytes) = ground.bytes("a/x.json") {
        assert_eq!(bytes, b"first");
    }
}

pub(crate) async fn of_eight_that_race_one_creates(ground: Ground) {
    for round in 0..10 {
        let key = format!("race/{round}");
        let racers = (0..8).map(|racer| ground.store.create(&key, Bytes::from(format!("{racer}"))));
        let results = join_all(racers).await;
        let won: Vec<usize> = (0..8).filter(|racer| results[*racer].is_ok()).collect();
        assert_eq!(won.len(), 1, "round {round}: {results:?}");
        assert_eq!(ground.store.read(&key, 10).await.unwrap(), format!("{}", won[0]));
        let lost = results.into_iter().filter_map(Result::err);
        lost.for_each(|error| assert_eq!(error.kind(), Kind::Exists, "{error}"));
    }
}

pub(crate) async fn a_listing_has_every_page(ground: Ground) {
    const COUNT: usize = 1_037;
    let names: Vec<String> = (0..COUNT).map(|number| format!("many/{number:05}")).collect();
    for some in names.chunks(16) {
        let made = some.iter().map(|key| ground.store.create(key, Bytes::from_static(b"x")));
        join_all(made).await.into_iter().for_each(|made| made.unwrap());
    }
    assert_eq!(keys(&ground.store, "many/").await, names);
}

pub(crate) async fn a_folder_is_not_its_longer_neighbour(ground: Ground) {
    for key in ["ns/etcd-a/x", "ns/etcd-a-2/x", "ns/etcd-a/runs/y", "ns2/etcd-a/x"] {
        ground.store.create(key, Bytes::from_static(b"x")).await.unwrap();
    }
    assert_eq!(keys(&ground.store, "ns/etcd-a/").await, ["ns/etcd-a/runs/y", "ns/etcd-a/x"]);
    assert_eq!(keys(&ground.store, "").await.len(), 4);
    assert_eq!(keys(&ground.store, "ns/none/").await, [""; 0]);
}

pub(crate) async fn what_is_given_up_leaves_nothing(ground: Ground) {
    for length in [0, 1000, 12 * MIB] {
        let key = format!("gone/{length}");
        let before = staged(&ground.store, &key, &pattern(length)).await;
        before.abort().await.unwrap();
        let mut upload = ground.store.stage(&key, PARTS).unwrap();
        upload.write(Bytes::from(pattern(length))).await.unwrap();
        upload.abort().await.unwrap();
    }
    assert_eq!(keys(&ground.store, "").await, [""; 0]);
    if let Some(objects) = ground.objects() {
        assert_eq!(objects, []);
    }
    assert_eq!(ground.parts_left(), 0);
}

pub(crate) async fn what_is_staged_is_not_visible_until_it_is_published(ground: Ground) {
    for length in [1000, 12 * MIB] {
        let (key, bytes) = (format!("late/{length}"), pattern(length));
        let staged = staged(&ground.store, &key, &bytes).await;
        assert_eq!(staged.sha256(), Digest::of(&bytes));
        assert_eq!(ground.store.stat(&key).await.unwrap_err().kind(), Kind::Missing);
        assert_eq!(keys(&ground.store, "late/").await, [""; 0]);
        staged.publish(Proof::of(Digest::of(&bytes))).await.unwrap();
        assert_eq!(ground.store.stat(&key).await.unwrap().bytes, length as u64);
        ground.store.delete(&key).await.unwrap();
    }
}

pub(crate) async fn an_object_in_parts_is_whole(ground: Ground) {
    for length in [5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 10 * MIB, 23 * MIB + 7] {
        let (key, bytes) = (format!("parts/{length}"), pattern(length));
        let staged = staged(&ground.store, &key, &bytes).await;
        assert_eq!(staged.bytes(), length as u64);
        staged.publish(Proof::of(Digest::of(&bytes))).await.unwrap();
        if let Some(held) = ground.bytes(&key) {
            assert!(held == bytes, "{length}: what the server holds is not what was sent");
        }
        let length = length as u64;
        let end = ground.store.range(&key, length - 1000..length).await.unwrap();
        assert_eq!(end, bytes[bytes.len() - 1000..]);
    }
    assert_eq!(ground.parts_left(), 0);
}

pub(crate) async fn an_object_without_bytes_is_one(ground: Ground) {
    let staged = staged(&ground.store, "empty", b"").await;
    staged.publish(Proof::of(Digest::of(b""))).await.unwrap();
    assert_eq!(ground.store.stat("empty").await.unwrap().bytes, 0);
    assert_eq!(ground.store.read("empty", 10).await.unwrap(), "");
}

pub(crate) async fn bytes_that_were_not_verified_are_not_published(ground: Ground) {
    for length in [1000, 12 * MIB] {
        let staged = staged(&ground.store, "bad", &pattern(length)).await;
        let error = staged.publish(Proof::of(Digest::of(b"others"))).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unsound, "{error}");
        assert_eq!(ground.store.stat("bad").await.unwrap_err().kind(), Kind::Missing);
    }
    assert_eq!(ground.parts_left(), 0);
}

pub(crate) async fn a_range_is_exact_and_a_large_document_refused(ground: Ground) {
    let bytes = pattern(100_000);
    ground.store.create("r", Bytes::from(bytes.clone())).await.unwrap();
    assert_eq!(ground.store.range("r", 1..50_000).await.unwrap(), bytes[1..50_000]);
    let beyond = ground.store.range("r", 99_000..100_001).await;
    assert!(beyond.is_err(), "a shorter answer was taken for the whole");
    let large = ground.store.read("r", 99_999).await.unwrap_err();
    assert_eq!(large.kind(), Kind::Unsound, "{large}");
}

pub(crate) async fn what_is_not_there_is_missing_and_deleting_it_is_done(ground: Ground) {
    let error = ground.store.read("none", 10).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Missing, "{error}");
    assert_eq!(ground.store.stat("none").await.unwrap_err().kind(), Kind::Missing);
    assert_eq!(ground.store.range("none", 0..1).await.unwrap_err().kind(), Kind::Missing);
    ground.store.delete("none").await.unwrap();
    ground.store.create("some", Bytes::from_static(b"x")).await.unwrap();
    ground.store.delete("some").await.unwrap();
    assert_eq!(ground.store.stat("some").await.unwrap_err().kind(), Kind::Missing);
}

pub(crate) async fn a_bucket_that_is_not_there_is_not_made(ground: Ground) {
    let text = ground.store.location().to_string().replace("bucket", "no-such-bucket");
    let location = match &ground.server {
        Server::Memory => return,
        Server::File(_) => format!("{text}/no-such-folder"),
        _ => text,
    };
    let opened = store::open(&location.parse().unwrap(), &ground.settings);
    let error = match opened {
        Err(error) => error,
        Ok(store) => {
            let created = store.create("x", Bytes::from_static(b"x")).await.unwrap_err();
            let listed = store.list("").try_next().await.unwrap_err();
            assert_eq!(listed.kind(), Kind::NoBucket, "{listed}");
            created
        }
    };
    assert_eq!(error.kind(), Kind::NoBucket, "{error}");
    assert!(error.to_string().contains("never created"), "{error}");
}

pub(crate) async fn who_may_not_is_told_what_it_takes(ground: Ground) {
    let folder = ground.folder("others");
    match &ground.server {
        // These have nobody who may not: no rights, root, an emulator that lets everybody in.
        Server::Memory | Server::File(_) | Server::FakeGcs(_) => return,
        Server::Azurite(server) => {
            let wrong = server.connection_string().replace(server.key(), "aHVudGVyMg==");
            write(&folder, "connectionString", &wrong);
        }
        Server::S3s(..) | Server::Versitygw(_) => {
            write(&folder, "accessKeyID", "AKIAHUNTER2HUNTER2HU");
            write(&folder, "secretAccessKey", "hunter2");
        }
    }
    let store = ground.reopened(|settings| settings.credentials_dir = Some(folder));
    let error = store.create("x", Bytes::from_static(b"x")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{error}");
    let text = error.to_string();
    assert!(text.contains("bucket/pre/x") && text.contains("it needs "), "{text}");
    assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{text}");
}
