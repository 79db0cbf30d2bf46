// SPDX-License-Identifier: Apache-2.0
//! The front passes bytes on untouched, and makes each fault happen once it is due.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use testbed::{
    Ca, Fault, FaultPlan, Front, FrontConfig, Match, Origin, RawResponse, Reply, StaticPair, Step,
    Store, StoreConfig, Then,
};

use crate::client::{Client, Keys, Payload, get, put};
use crate::store::{Bed, code};

fn front(bed: &Bed, plan: FaultPlan) -> Front {
    Front::start(FrontConfig { plan, ..FrontConfig::new(bed.store.http_addr()) }).unwrap()
}

/// A GET of a prepared object of this size, through a front with one fault.
fn get_through(size: usize, fault: Fault) -> std::io::Result<RawResponse> {
    let bed = Bed::new();
    bed.ask(&put("/bucket/k", vec![9; size]));
    let front = front(&bed, FaultPlan::one(Match::method("GET"), fault));
    let mut client = Client::plain(front.addr());
    let bytes = get("/bucket/k").signed(&bed.keys, &client.host);
    let response = client.raw(&bytes, "GET");
    assert_eq!(front.hits().len(), 1);
    response
}

#[test]
fn without_faults_every_form_passes_over_one_connection() {
    let bed = Bed::new();
    let front = front(&bed, FaultPlan::none());
    let mut client = Client::plain(front.addr());
    for form in [Payload::Hash, Payload::SignedChunks, Payload::UnsignedTrailer] {
        let body = vec![3; 300_000];
        let sent = client.send(&put("/bucket/k", body.clone()).payload(form), &bed.keys);
        assert_eq!(sent.head.status, 200, "{}", sent.text());
        assert_eq!(client.send(&get("/bucket/k"), &bed.keys).body, body);
    }
    let chunked = put("/bucket/k", vec![3; 5000]).payload(Payload::SignedTrailer).chunked();
    assert_eq!(client.send(&chunked, &bed.keys).head.status, 200);
    assert_eq!((front.requests(), front.hits().len()), (7, 0));
}

#[test]
fn tls_on_both_sides_is_the_same() {
    let ca = Ca::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let pair = StaticPair::random();
    let static_pairs = vec![pair.clone()];
    let config = StoreConfig { tls: Some(&ca), static_pairs, ..StoreConfig::new(dir.path()) };
    let store = Store::start(config).unwrap();
    let (tls, upstream_tls) = (Some(&ca), Some(&ca));
    let front =
        Front::start(FrontConfig { tls, upstream_tls, ..FrontConfig::new(store.addr()) }).unwrap();
    let mut client = Client::tls(front.addr(), &ca);
    let keys = Keys::from(&pair);
    assert_eq!(client.send(&put("/bucket/k", vec![1; 100_000]), &keys).head.status, 200);
    assert_eq!(client.send(&get("/bucket/k"), &keys).body, vec![1; 100_000]);
}

/// What the first read of a fresh answer holds; segments arrive apart when they are sent apart.
fn first_read(fault: Option<Fault>) -> Vec<u8> {
    let answer = Reply::answer("200 OK", "", b"body");
    let origin = Origin::always(None, answer).unwrap();
    let plan = fault.map_or(FaultPlan::none(), |fault| FaultPlan::one(Match::any(), fault));
    let front = Front::start(FrontConfig { plan, ..FrontConfig::new(origin.addr()) }).unwrap();
    let mut socket = TcpStream::connect(front.addr()).unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut block = [0; 4096];
    let len = socket.read(&mut block).unwrap();
    block[..len].to_vec()
}

#[test]
fn an_answer_keeps_its_segment_unless_head_and_body_are_to_be_split() {
    assert!(first_read(None).ends_with(b"\r\n\r\nbody"));
    // A slow body's head leaves before the body, by as much as the pause.
    let pause = Duration::from_millis(200);
    let head = first_read(Some(Fault::SlowBody { piece: 4, pause }));
    assert!(head.ends_with(b"\r\n\r\n"), "{}", String::from_utf8_lossy(&head));
}

#[test]
fn a_split_answer_is_whole() {
    let response = get_through(1000, Fault::SplitHeaderBody).unwrap();
    assert_eq!((response.head.status, response.body.len()), (200, 1000));
}

#[test]
fn a_delay_is_as_long_as_asked() {
    let begun = Instant::now();
    let wait = Duration::from_millis(150);
    assert_eq!(get_through(10, Fault::Delay(wait)).unwrap().body.len(), 10);
    assert!(begun.elapsed() >= wait);
}

#[test]
fn a_cut_answer_ends_at_the_byte_and_a_reset_one_breaks() {
    let cut = get_through(500_000, Fault::CutResponseAt(1234)).unwrap();
    assert_eq!((cut.head.status, cut.body.len(), cut.complete), (200, 1234, false));
    let reset = get_through(500_000, Fault::ResetResponseAt(1234));
    assert!(reset.is_err() || !reset.unwrap().complete);
}

#[test]
fn a_slow_body_is_whole_in_the_end() {
    let fault = Fault::SlowBody { piece: 100, pause: Duration::from_millis(1) };
    let slow = get_through(1000, fault).unwrap();
    assert_eq!((slow.body.len(), slow.complete), (1000, true));
}

#[test]
fn a_request_that_is_cut_or_reset_on_its_way_up_stores_nothing() {
    for fault in [Fault::CutRequestAt(5000), Fault::ResetRequestAt(5000)] {
        let bed = Bed::new();
        let front = front(&bed, FaultPlan::one(Match::method("PUT"), fault));
        let mut client = Client::plain(front.addr());
        let bytes = put("/bucket/k", vec![1; 200_000]).signed(&bed.keys, &client.host);
        assert!(client.raw(&bytes, "PUT").is_err(), "no answer comes");
        assert_eq!(bed.ask(&get("/bucket/k")).0, 404);
    }
}

#[test]
fn an_early_answer_comes_before_the_body_was_sent() {
    let bed = Bed::new();
    for then in [Then::Close, Then::KeepOpen] {
        let fault = Fault::EarlyAnswer { status: 403, code: "AccessDenied".to_owned(), then };
        let front = front(&bed, FaultPlan::one(Match::method("PUT"), fault));
        let mut client = Client::plain(front.addr());
        let bytes = put("/bucket/k", vec![1; 200_000]).signed(&bed.keys, &client.host);
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let early = client.raw(&bytes[..head], "PUT").unwrap();
        assert_eq!((early.head.status, code(&early.text()).as_str()), (403, "AccessDenied"));
        let next = get("/bucket/k").signed(&bed.keys, &client.host);
        let rest = [&bytes[head..], &next].concat();
        let next = client.raw(&rest, "GET");
        match then {
            Then::Close => assert!(next.is_err()),
            Then::KeepOpen => assert_eq!(next.unwrap().head.status, 404),
        }
    }
}

#[test]
fn answers_in_the_stores_stead_are_s3s_and_end_after_their_times() {
    let bed = Bed::new();
    let plan = FaultPlan::one(Match::any().times(2), Fault::slow_down())
        .and(Match::any().times(1), Fault::ExpiredToken)
        .and(Match::any().times(1), Fault::Redirect301 { region: "eu-west-9".to_owned() });
    let front = front(&bed, plan);
    let mut client = Client::plain(front.addr());
    let mut ask = || {
        let response = client.send(&put("/bucket/k", vec![1; 100_000]), &bed.keys);
        let region = response.head.header("x-amz-bucket-region").map(str::to_owned);
        (response.head.status, code(&response.text()), region)
    };
    let told = |status, code: &str, region: Option<&str>| {
        (status, code.to_owned(), region.map(str::to_owned))
    };
    assert_eq!(ask(), told(503, "SlowDown", None));
    assert_eq!(ask(), told(503, "SlowDown", None));
    assert_eq!(ask(), told(400, "ExpiredToken", None));
    assert_eq!(ask(), told(301, "PermanentRedirect", Some("eu-west-9")));
    assert_eq!(ask(), told(200, "", None));
    assert_eq!(bed.store.counts().requests, 1, "the others never went upstream");
}

#[test]
fn a_hanging_request_is_never_answered() {
    let bed = Bed::new();
    let front = front(&bed, FaultPlan::one(Match::any(), Fault::Hang));
    let mut socket = TcpStream::connect(front.addr()).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let silence = socket.read(&mut [0]).unwrap_err();
    assert_eq!(silence.kind(), std::io::ErrorKind::WouldBlock);
    front.plan(FaultPlan::none());
    assert_eq!(Client::plain(front.addr()).send(&get("/bucket/k"), &bed.keys).head.status, 404);
}

#[test]
fn an_interim_answer_passes_before_the_body_is_sent() {
    let steps = vec![
        Step::Write(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        Step::ReadBody,
        Step::Write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
    ];
    let origin = Origin::always(None, Reply(steps)).unwrap();
    let front = Front::start(FrontConfig::new(origin.addr())).unwrap();
    let mut socket = TcpStream::connect(front.addr()).unwrap();
    let head = b"PUT /k HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    socket.write_all(head).unwrap();
    let mut interim = [0; 25];
    socket.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(b"hello").unwrap();
    assert_eq!(testbed::read_response(&mut socket, "PUT").unwrap().head.status, 200);
    assert_eq!(origin.wait_heard(1, Duration::from_secs(5))[0].body, b"hello");
}
