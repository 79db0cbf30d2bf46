// SPDX-License-Identifier: Apache-2.0
//! Again and again, for a scraper.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use stock::{Bucket, Folder, Going, Run, Sample};
use testbed::{Fault, FaultPlan, Match, Spawn};

use crate::metrics::parse;
use crate::{PLACE, check, check_bucket};

const WAIT: Duration = Duration::from_secs(20);

/// A server, and where it answers.
struct Server {
    going: Going,
    at: SocketAddr,
}

impl Server {
    fn start(run: impl FnOnce(&[&str]) -> Run) -> Self {
        let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let run = run(&["serve", "--every", "100ms", "--admin-listen", &at.to_string()]);
        Self { going: run.start(), at }
    }

    /// The status and body of an answer; none while nobody listens.
    fn get(&self, path: &str) -> Option<(u16, String)> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = testbed::exchange(self.at, request.as_bytes()).ok()?;
        Some((answer.head.status, answer.text()))
    }

    fn metrics(&self) -> BTreeMap<String, f64> {
        self.get("/metrics").map(|(_, text)| parse(&text)).unwrap_or_default()
    }

    /// Waits until what it serves is as it should be.
    fn wait(&mut self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        let waited = testbed::wait_until(WAIT, what, || {
            let ended = self.going.running.exited();
            assert!(ended.is_none(), "{}", self.going.running.story());
            is(self)
        });
        waited.unwrap_or_else(|error| panic!("{error}\n{}", self.going.running.story()));
    }

    fn verdict(&self) -> Option<f64> {
        self.metrics().get("snapshot_check_verdict").copied()
    }

    /// How `snapshot-check probe` ends.
    fn probe(&self) -> Option<i32> {
        let probe = Spawn::new(env!("CARGO_BIN_EXE_snapshot-check")).clean_env().arg("probe");
        let probe = probe.env("SNAPSHOT_CHECK_ADMIN_LISTEN", self.at.to_string());
        probe.start().unwrap().wait(WAIT).unwrap().code()
    }

    fn is_ready(&self) -> bool {
        self.get("/readyz").is_some_and(|(status, _)| status == 200)
    }
}

#[test]
fn a_backup_that_lands_changes_the_metrics_and_sigterm_ends_it_well() {
    let folder = Folder::with(&[&Sample::etcd(PLACE, 30)]);
    let mut server = Server::start(|args| check(&folder, args));
    server.wait("it is ready", Server::is_ready);
    assert_eq!(server.verdict(), Some(3.));
    let new = Sample::etcd(PLACE, 1);
    folder.put(&new);
    server.wait("the verdict changes", |server| server.verdict() == Some(1.));
    let time = "snapshot_check_newest_time_seconds{namespace=\"ns\",cluster=\"etcd\"}";
    assert_eq!(server.metrics()[time], new.id().time().as_second() as f64);
    let (_, stats) = server.get("/stats").unwrap();
    assert!(stats.contains(&new.id().to_string()), "{stats}");
    assert_eq!(server.probe(), Some(0));
    server.going.running.terminate().unwrap();
    server.going.end().assert(0, &["stopped when asked, after"]);
}

#[test]
fn a_cluster_that_is_gone_keeps_no_figures() {
    let (one, other) = (Sample::etcd(PLACE, 1), Sample::etcd("ns/other", 1));
    let folder = Folder::with(&[&one, &other]);
    let mut server = Server::start(|args| check(&folder, args));
    let has_other = |server: &Server| server.metrics().keys().any(|key| key.contains("other"));
    server.wait("both are told", has_other);
    other.objects().iter().for_each(|(key, _)| folder.remove(key));
    server.wait("one is told", |server| server.is_ready() && !has_other(server));
}

#[test]
fn nothing_is_ready_and_nothing_is_good_before_the_first_check_is_done() {
    let bucket = Bucket::with(&[&Sample::etcd(PLACE, 1)]);
    bucket.fault(FaultPlan::one(Match::any(), Fault::Hang));
    let mut server = Server::start(|args| check_bucket(&bucket, args));
    server.wait("it listens", |server| server.get("/livez").is_some());
    assert_eq!(server.get("/readyz").map(|(status, _)| status), Some(503));
    assert_eq!((server.verdict(), server.probe()), (Some(2.), Some(1)));
    bucket.fault(FaultPlan::none());
    server.wait("it is good", |server| server.is_ready() && server.verdict() == Some(0.));
    bucket.fault(FaultPlan::one(Match::any(), Fault::slow_down()));
    server.wait("it cannot tell", |server| server.verdict() == Some(2.));
    bucket.fault(FaultPlan::none());
    server.wait("it is good again", |server| server.verdict() == Some(0.));
}

#[test]
fn sigterm_ends_a_check_that_hangs() {
    let bucket = Bucket::new();
    bucket.fault(FaultPlan::one(Match::any(), Fault::Hang));
    let mut server = Server::start(|args| check_bucket(&bucket, args));
    server.wait("it listens", |server| server.get("/livez").is_some());
    server.going.running.terminate().unwrap();
    server.going.end().assert(0, &["stopped when asked, after 0 checks"]);
    let going = check_bucket(&bucket, &[]).start();
    let hits = bucket.front.hits().len();
    testbed::wait_until(WAIT, "it asks", || bucket.front.hits().len() > hits).unwrap();
    going.running.terminate().unwrap();
    going.end().assert(143, &["stopped when asked"]);
}
