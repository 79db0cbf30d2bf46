// SPDX-License-Identifier: Apache-2.0
//! The faults of stores: what the caller hears, and what the store held in truth.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use testbed::servers::{Azurite, FakeGcs, Versitygw};
use testbed::{
    Fault, FaultPlan, Front, FrontConfig, Lost, Match, RawResponse, SignAgain, exchange, tool,
};

use crate::client::{Client, Keys, get, put, request};
use crate::store::{Bed, code};

fn front(upstream: SocketAddr, plan: FaultPlan) -> Front {
    Front::start(FrontConfig { plan, ..FrontConfig::new(upstream) }).unwrap()
}

#[test]
fn an_answer_that_is_lost_was_given_all_the_same() {
    let bed = Bed::new();
    for (n, lost) in [Lost::Close, Lost::Reset].into_iter().enumerate() {
        let key = format!("/bucket/{n}");
        let plan = FaultPlan::one(Match::method("PUT").times(1), Fault::LoseAnswer(lost));
        let front = front(bed.store.http_addr(), plan);
        let bytes = put(&key, vec![1; 200_000]).signed(&bed.keys, &front.addr().to_string());
        assert!(Client::plain(front.addr()).raw(&bytes, "PUT").is_err(), "{lost:?}");
        assert_eq!(bed.ask(&get(&key)).0, 200, "{lost:?}");
    }
}

#[test]
fn silence_after_the_store_has_answered_is_without_end() {
    let bed = Bed::new();
    let plan = FaultPlan::one(Match::any(), Fault::LoseAnswer(Lost::Silence));
    let front = front(bed.store.http_addr(), plan);
    let mut socket = TcpStream::connect(front.addr()).unwrap();
    let bytes = put("/bucket/k", vec![1; 1000]).signed(&bed.keys, &front.addr().to_string());
    socket.write_all(&bytes).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let silence = socket.read(&mut [0]).unwrap_err();
    assert_eq!(silence.kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(bed.ask(&get("/bucket/k")).0, 200);
}

#[test]
fn completion_can_fail_under_a_status_of_success() {
    let bed = Bed::new();
    let complete = Match::method("POST").target("uploadId=").times(1);
    let front = front(bed.store.http_addr(), FaultPlan::one(complete, Fault::error_under_200()));
    let mut client = Client::plain(front.addr());
    let completion = request("POST", "/bucket/k").query("uploadId=x");
    let answer = client.send(&completion, &bed.keys);
    assert_eq!((answer.head.status, code(&answer.text()).as_str()), (200, "InternalError"));
    assert_eq!(bed.store.counts().requests, 0, "the store heard nothing");
}

#[test]
fn a_narrow_line_is_shared_by_all_who_use_it() {
    let bed = Bed::new();
    let plan = FaultPlan::none().throttled(200_000);
    let front = front(bed.store.http_addr(), plan);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for n in 0..2 {
            let (bed, front) = (&bed, &front);
            scope.spawn(move || {
                let sent = put(&format!("/bucket/{n}"), vec![1; 50_000]);
                let mut client = Client::plain(front.addr());
                assert_eq!(client.send(&sent, &bed.keys).head.status, 200);
            });
        }
    });
    assert!(begun.elapsed() >= Duration::from_millis(480), "{:?}", begun.elapsed());
    let begun = Instant::now();
    let mut client = Client::plain(front.addr());
    assert_eq!(client.send(&get("/bucket/0"), &bed.keys).body.len(), 50_000);
    assert!(begun.elapsed() >= Duration::from_millis(240), "{:?}", begun.elapsed());
    front.plan(FaultPlan::none());
    assert_eq!(client.send(&get("/bucket/0"), &bed.keys).body.len(), 50_000);
}

#[test]
fn an_s3_store_can_be_made_to_ignore_create_only_though_it_is_signed() {
    if tool("versitygw").is_none() {
        return;
    }
    let store = Versitygw::launch(None).unwrap();
    store.create_bucket("bucket").unwrap();
    let secret = store.secret_key().to_owned();
    let keys = Keys { id: store.access_key().to_owned(), secret: secret.clone(), token: None };
    let sign = SignAgain::S3 { secret };
    let rule = Match::method("PUT").header("If-None-Match");
    let front = front(store.addr(), FaultPlan::one(rule, Fault::IgnoreCreateOnly(sign)));
    let mut client = Client::plain(front.addr());
    for body in ["one", "two"] {
        let create = put("/bucket/a%20b/k", body).header("If-None-Match", "*");
        let answer = client.send(&create, &keys);
        assert_eq!(answer.head.status, 200, "{}", answer.text());
    }
    assert_eq!(store.read("bucket", "a b/k").unwrap(), b"two");
    front.plan(FaultPlan::none());
    let create = put("/bucket/a%20b/k", "three").header("If-None-Match", "*");
    assert_eq!(client.send(&create, &keys).head.status, 412);
}

#[test]
fn azure_can_be_made_to_ignore_create_only() {
    if tool("azurite").is_none() {
        return;
    }
    let store = Azurite::launch().unwrap();
    store.create_container("backups").unwrap();
    let (account, key) = (store.account().to_owned(), store.key().to_owned());
    let rule = Match::method("PUT").header("If-None-Match");
    let fault = Fault::IgnoreCreateOnly(SignAgain::Azure { account, key });
    let front = front(store.addr(), FaultPlan::one(rule, fault));
    for body in [b"one", b"two"] {
        store.create_at(front.addr(), "backups", "k", body).unwrap();
    }
    assert_eq!(store.read("backups", "k").unwrap(), b"two");
    let refused = store.create_at(store.addr(), "backups", "k", b"three").unwrap_err().to_string();
    assert!(refused.contains("BlobAlreadyExists"), "{refused}");
}

fn upload(at: SocketAddr, more: &str) -> RawResponse {
    let target = format!("/upload/storage/v1/b/backups/o?uploadType=media&name=k{more}");
    let head = format!("POST {target} HTTP/1.1\r\nHost: {at}\r\nContent-Length: 5\r\n\r\nhello");
    exchange(at, head.as_bytes()).unwrap()
}

#[test]
fn google_storage_can_be_made_to_ignore_create_only_and_fails_in_its_own_words() {
    if tool("fake-gcs-server").is_none() {
        return;
    }
    let store = FakeGcs::launch().unwrap();
    store.create_bucket("backups").unwrap();
    let busy = Fault::Reply {
        status: 503,
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: br#"{"error":{"code":503,"message":"backendError"}}"#.to_vec(),
    };
    let plan = FaultPlan::one(Match::method("POST").times(2), busy)
        .and(Match::method("POST"), Fault::IgnoreCreateOnly(SignAgain::No));
    let front = front(store.addr(), plan);
    for status in [503, 503, 200, 200] {
        let answer = upload(front.addr(), "&ifGenerationMatch=0");
        assert_eq!(answer.head.status, status, "{}", answer.text());
        assert_eq!(answer.text().contains("backendError"), status == 503);
    }
    assert_eq!(upload(store.addr(), "&ifGenerationMatch=0").head.status, 412);
    assert_eq!(store.read("backups", "k").unwrap(), b"hello");
    assert_eq!(front.hits().len(), 4);
}
