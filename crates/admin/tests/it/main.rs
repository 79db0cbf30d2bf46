// SPDX-License-Identifier: Apache-2.0
//! The admin listener over real sockets: what a probe, a scraper and a person get.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use admin::{Admin, AdminAt, Readiness};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use sidecar::{Exit, Failure, Stop, Trigger};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn at(admin: &[SocketAddr], metrics: Option<SocketAddr>) -> AdminAt {
    AdminAt { admin: admin.to_vec(), metrics }
}

/// A listener that serves, and what it tells of.
struct Serving {
    address: SocketAddr,
    readiness: Readiness,
    stop: Trigger,
}

impl Serving {
    async fn start() -> Self {
        let bound = Admin::bind(&at(&[ANY], None)).await.unwrap();
        let address = bound.local_addr().unwrap();
        let (stop, trigger) = Stop::manual(Duration::from_secs(1));
        let readiness = Readiness::default();
        serve(bound, &readiness, &stop);
        Self { address, readiness, stop: trigger }
    }
}

fn serve(bound: Admin, readiness: &Readiness, stop: &Stop) {
    let requests: Counter = Counter::default();
    requests.inc_by(3);
    let mut registry = Registry::default();
    registry.register("x_requests", "Requests", requests);
    let stats = Arc::new(|| json!({"requests": 3}));
    bound.serve(readiness.clone(), Arc::new(registry), stats, stop);
}

/// Status, head and body.
async fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

async fn readyz(serving: &Serving) -> (u16, String) {
    let (status, _, body) = get(serving.address, "/readyz").await;
    (status, body)
}

#[tokio::test]
async fn readiness_names_all_that_is_waited_for_with_its_reason() {
    let serving = Serving::start().await;
    let (credentials, store) =
        (serving.readiness.guard("credentials"), serving.readiness.guard("store"));
    credentials.set_waiting("no answer");
    let waiting = "waiting for credentials: no answer; store: starting\n".to_owned();
    assert_eq!(readyz(&serving).await, (503, waiting));
    credentials.set_ready();
    store.set_ready();
    assert_eq!(readyz(&serving).await, (200, "ready\n".to_owned()));
    store.set_waiting("gone");
    assert_eq!(readyz(&serving).await, (503, "waiting for store: gone\n".to_owned()));
}

/// A process that drains takes no new work, but it is alive: nobody may kill it for that.
#[tokio::test]
async fn a_process_that_drains_is_alive_and_not_ready() {
    let serving = Serving::start().await;
    serving.stop.stop();
    assert_eq!(readyz(&serving).await, (503, "stopping\n".to_owned()));
    assert_eq!(get(serving.address, "/livez").await.0, 200);
}

#[tokio::test]
async fn metrics_are_text_that_a_scraper_takes() {
    let serving = Serving::start().await;
    let (status, head, body) = get(serving.address, "/metrics").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    let lines: Vec<&str> = body.lines().collect();
    assert!(lines.contains(&"# TYPE x_requests counter"), "{body}");
    assert!(lines.contains(&"x_requests_total 3"), "{body}");
    assert!(body.ends_with("# EOF\n"), "{body}");
}

#[tokio::test]
async fn stats_are_json() {
    let serving = Serving::start().await;
    let (status, head, body) = get(serving.address, "/stats").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), json!({"requests": 3}));
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let serving = Serving::start().await;
    assert_eq!(get(serving.address, "/").await.0, 404);
}

/// It is open to the pod network, which may not see what the loopback may.
#[tokio::test]
async fn the_metrics_listener_serves_metrics_and_nothing_else() {
    // Admin does not tell where its metrics listener is, so a free port is looked for first.
    let free = TcpListener::bind(ANY).await.unwrap().local_addr().unwrap();
    let bound = Admin::bind(&at(&[ANY], Some(free))).await.unwrap();
    let (stop, _trigger) = Stop::manual(Duration::from_secs(1));
    serve(bound, &Readiness::default(), &stop);
    assert_eq!(get(free, "/metrics").await.0, 200);
    for path in ["/livez", "/readyz", "/stats"] {
        assert_eq!(get(free, path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_taken_port_is_unavailable_and_named_with_its_flag() {
    let holder = TcpListener::bind(ANY).await.unwrap();
    let taken = holder.local_addr().unwrap();
    for (bound, flag) in [
        (Admin::bind(&at(&[taken], None)).await, "--admin-listen"),
        (Admin::bind(&at(&[ANY, taken], None)).await, "--admin-listen"),
        (Admin::bind(&at(&[ANY], Some(taken))).await, "--metrics-listen"),
    ] {
        let error = bound.unwrap_err();
        assert_eq!(Failure::exit_of(&error), Exit::Unavailable);
        let named = format!("{flag} {taken}: cannot bind");
        assert!(format!("{error:#}").contains(&named), "{error:#}");
    }
}

/// A cluster may have only one of IPv4 and IPv6; 192.0.2.1 is nobody's address.
#[tokio::test]
async fn one_absent_family_is_no_failure_and_two_are() {
    let absent: SocketAddr = "192.0.2.1:0".parse().unwrap();
    assert!(Admin::bind(&at(&[absent, ANY], None)).await.unwrap().local_addr().is_some());
    let error = Admin::bind(&at(&[absent], None)).await.unwrap_err();
    assert_eq!(Failure::exit_of(&error), Exit::Unavailable);
    assert!(format!("{error:#}").contains("--admin-listen 192.0.2.1:0"), "{error:#}");
}
