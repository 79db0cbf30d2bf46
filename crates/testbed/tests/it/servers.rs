// SPDX-License-Identifier: Apache-2.0
//! The real stores start, and what is read from them behind their back is what was put into them.

use testbed::servers::{Azurite, FakeGcs, Minio, Object, Versitygw};
use testbed::{Ca, exchange, rare_tool, tool};

use crate::client::{Client, Keys, get, put, request};
use crate::store::code;

fn object(key: &str, size: u64) -> Object {
    Object { key: key.to_owned(), size }
}

#[tokio::test]
async fn versitygw_shows_objects_and_leftover_parts_on_its_disk() {
    if tool("versitygw").is_none() {
        return;
    }
    let store = Versitygw::start().await.unwrap();
    store.create_bucket("bucket").unwrap();
    let keys = Keys {
        id: store.access_key().to_owned(),
        secret: store.secret_key().to_owned(),
        token: None,
    };
    let mut client = Client::plain(store.addr());
    let mut ask = |request| client.send(&request, &keys);
    assert_eq!(ask(put("/bucket/a/b.snap", vec![7; 5000])).head.status, 200);
    let create_only = put("/bucket/a/b.snap", "x").header("If-None-Match", "*");
    assert_eq!(ask(create_only).head.status, 412);
    assert_eq!(store.objects("bucket").unwrap(), [object("a/b.snap", 5000)]);
    assert_eq!(store.read("bucket", "a/b.snap").unwrap(), vec![7; 5000]);

    assert!(store.multipart_left("bucket").unwrap().is_empty());
    let begun = ask(request("POST", "/bucket/big").query("uploads=")).text();
    let id = begun.split("<UploadId>").nth(1).unwrap().split('<').next().unwrap();
    let part = format!("partNumber=1&uploadId={id}");
    assert_eq!(ask(put("/bucket/big", vec![1; 100]).query(&part)).head.status, 200);
    let left = store.multipart_left("bucket").unwrap();
    assert!(left.len() == 1 && left[0].contains(id), "{left:?}");
    assert_eq!(store.objects("bucket").unwrap().len(), 1, "no object is half there");
    let abort = request("DELETE", "/bucket/big").query(&format!("uploadId={id}"));
    assert_eq!(ask(abort).head.status, 204);
    assert!(store.multipart_left("bucket").unwrap().is_empty());
}

#[test]
fn versitygw_speaks_tls_that_verifies() {
    if tool("versitygw").is_none() {
        return;
    }
    let ca = Ca::new().unwrap();
    let store = Versitygw::launch(Some(&ca)).unwrap();
    store.create_bucket("bucket").unwrap();
    let keys = Keys {
        id: store.access_key().to_owned(),
        secret: store.secret_key().to_owned(),
        token: None,
    };
    let mut client = Client::tls(store.addr(), &ca);
    let missing = client.send(&get("/bucket/nothing"), &keys);
    assert_eq!(code(&missing.text()), "NoSuchKey", "{}", missing.text());
}

#[tokio::test]
async fn azurite_lists_and_reads_blobs_and_tells_the_uncommitted_apart() {
    if tool("azurite").is_none() {
        return;
    }
    let store = Azurite::start().await.unwrap();
    store.create_container("backups").unwrap();
    assert!(store.connection_string().contains(&store.endpoint()));
    store.put("backups", "a b/ü&1.snap", &[5; 300]).unwrap();
    store.stage_block("backups", "half", "AAAA", &[1; 10]).unwrap();
    assert_eq!(store.objects("backups").unwrap(), [object("a b/ü&1.snap", 300)]);
    assert_eq!(store.read("backups", "a b/ü&1.snap").unwrap(), vec![5; 300]);
    assert_eq!(store.uncommitted("backups").unwrap(), ["half"]);
    let missing = store.read("backups", "none").unwrap_err().to_string();
    assert!(missing.contains("BlobNotFound"), "{missing}");
}

#[tokio::test]
async fn fake_gcs_lists_and_reads_what_was_put_over_its_json_api() {
    if tool("fake-gcs-server").is_none() {
        return;
    }
    let store = FakeGcs::start().await.unwrap();
    store.create_bucket("backups").unwrap();
    let upload = |key: &str, more: &str| {
        let target = format!("/upload/storage/v1/b/backups/o?uploadType=media&name={key}{more}");
        let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
        exchange(store.addr(), head.as_bytes()).unwrap().head.status
    };
    for n in 0..3 {
        assert_eq!(upload(&format!("a%2F{n}"), "&ifGenerationMatch=0"), 200);
    }
    assert_eq!(upload("a%2F0", "&ifGenerationMatch=0"), 412);
    let listed = store.objects("backups").unwrap();
    assert_eq!(listed, [object("a/0", 5), object("a/1", 5), object("a/2", 5)]);
    assert_eq!(store.read("backups", "a/2").unwrap(), b"hello");
    assert!(store.read("backups", "a").is_err());
}

#[tokio::test]
async fn minio_is_read_by_requests_that_are_signed_here() {
    if rare_tool("minio").is_none() {
        return;
    }
    let store = Minio::start().await.unwrap();
    store.create_bucket("backups").unwrap();
    store.put("backups", "a b/ü&1.snap", &[5; 300]).unwrap();
    assert_eq!(store.objects("backups").unwrap(), [object("a b/ü&1.snap", 300)]);
    assert_eq!(store.read("backups", "a b/ü&1.snap").unwrap(), vec![5; 300]);
    assert!(store.multipart_left().unwrap().is_empty());
}

#[test]
fn a_store_that_is_dropped_is_gone_with_its_folder() {
    if tool("versitygw").is_none() {
        return;
    }
    let store = Versitygw::launch(None).unwrap();
    store.create_bucket("bucket").unwrap();
    let (addr, file) = (store.addr(), store.path("bucket", ""));
    assert!(file.exists());
    drop(store);
    assert!(std::net::TcpStream::connect(addr).is_err());
    assert!(!file.exists());
}

#[test]
fn listings_of_more_than_a_page_are_whole() {
    let names: Vec<String> = (0..1100).map(|n| format!("k/{n:04}")).collect();
    let check = |objects: Vec<Object>| {
        let listed: Vec<String> = objects.into_iter().map(|object| object.key).collect();
        assert!(listed == names, "{} of {}", listed.len(), names.len());
    };
    if tool("fake-gcs-server").is_some() {
        let store = FakeGcs::launch().unwrap();
        store.create_bucket("backups").unwrap();
        names.iter().for_each(|name| store.put("backups", name, b"x").unwrap());
        check(store.objects("backups").unwrap());
    }
    if rare_tool("minio").is_some() {
        let store = Minio::launch().unwrap();
        store.create_bucket("backups").unwrap();
        names.iter().for_each(|name| store.put("backups", name, b"x").unwrap());
        check(store.objects("backups").unwrap());
    }
}
