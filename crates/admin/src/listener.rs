// SPDX-License-Identifier: Apache-2.0
//! The admin listener: `/livez`, `/readyz`, `/metrics`, `/stats` on loopback; `/metrics` alone for a scraper.

use std::convert::Infallible;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use sidecar::{Exit, Failure, Given, Problems, Stop};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::Readiness;

/// Probes and scrapers are few, and short.
const CONNECTIONS: usize = 32;
const HEAD_LIMIT: Duration = Duration::from_secs(5);
const PLAIN: &str = "text/plain; charset=utf-8";
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The flags of a program with an admin listener.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Admin")]
pub struct AdminArgs {
    /// Where probes, readiness, metrics and stats are served: `localhost:PORT` or an address
    #[arg(long, value_name = "ADDRESS")]
    pub admin_listen: Option<Given<String>>,

    /// Serve /metrics alone here too, for a scraper, as `[::]:9090`
    #[arg(long, value_name = "ADDRESS")]
    pub metrics_listen: Option<Given<SocketAddr>>,
}

/// The same, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminAt {
    /// Where everything is served: both loopbacks, or one address.
    pub admin: Vec<SocketAddr>,
    /// Where the metrics alone are served too.
    pub metrics: Option<SocketAddr>,
}

impl AdminArgs {
    /// Judges the flags. `localhost:PORT` binds both loopbacks.
    pub fn resolve(self, default: &str, problems: &mut Problems) -> Option<AdminAt> {
        let metrics = problems.given("--metrics-listen", self.metrics_listen);
        let text = problems.given("--admin-listen", self.admin_listen);
        let text = text.as_deref().unwrap_or(default);
        if let Some(Ok(port)) = text.strip_prefix("localhost:").map(str::parse) {
            let admin =
                vec![(Ipv6Addr::LOCALHOST, port).into(), (Ipv4Addr::LOCALHOST, port).into()];
            return Some(AdminAt { admin, metrics });
        }
        let address = text.parse().ok();
        if address.is_none() {
            problems.add(format!("--admin-listen {text}: write localhost:PORT or ADDRESS:PORT"));
        }
        address.map(|address| AdminAt { admin: vec![address], metrics })
    }
}

/// What `/stats` answers.
pub type Stats = Arc<dyn Fn() -> serde_json::Value + Send + Sync>;

/// Listeners, bound and not yet serving; true for those that serve everything.
#[derive(Debug)]
pub struct Admin(Vec<(TcpListener, bool)>);

impl Admin {
    /// Binds; one family of loopback may be absent.
    ///
    /// # Errors
    /// [`Exit::Unavailable`], naming flag and address, if a port is taken.
    pub async fn bind(at: &AdminAt) -> anyhow::Result<Self> {
        let mut bound = Vec::new();
        let mut absent = None;
        for address in &at.admin {
            match TcpListener::bind(address).await {
                Ok(listener) => bound.push((listener, true)),
                Err(error) => {
                    let is_taken = error.kind() == std::io::ErrorKind::AddrInUse;
                    let failure = unbound("--admin-listen", *address, &error);
                    if is_taken { return Err(failure) } else { absent = Some(failure) }
                }
            }
        }
        if let (true, Some(failure)) = (bound.is_empty(), absent) {
            return Err(failure);
        }
        if let Some(address) = at.metrics {
            let listener = TcpListener::bind(address).await;
            bound.push((
                listener.map_err(|error| unbound("--metrics-listen", address, &error))?,
                false,
            ));
        }
        Ok(Self(bound))
    }

    /// The first bound address.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.first().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// Serves in the background until the process ends, so that probes see a drain too.
    pub fn serve(self, readiness: Readiness, registry: Arc<Registry>, stats: Stats, stop: &Stop) {
        for (listener, everything) in self.0 {
            let told = Told {
                readiness: readiness.clone(),
                registry: Arc::clone(&registry),
                stats: Arc::clone(&stats),
                stop: stop.clone(),
                everything,
            };
            tokio::spawn(accept(listener, told));
        }
    }
}

fn unbound(flag: &str, address: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    Failure::new(Exit::Unavailable, anyhow::anyhow!("{flag} {address}: cannot bind: {error}"))
}

#[derive(Clone)]
struct Told {
    readiness: Readiness,
    registry: Arc<Registry>,
    stats: Stats,
    stop: Stop,
    everything: bool,
}

async fn accept(listener: TcpListener, told: Told) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let told = told.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| std::future::ready(answer(&request, &told)));
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
            // A prober that hangs up is no news.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
            drop(slot);
        });
    }
}

fn answer(request: &Request<Incoming>, told: &Told) -> Result<Response<String>, Infallible> {
    let (status, form, text) = match request.uri().path() {
        "/metrics" => metrics(&told.registry),
        "/livez" if told.everything => (StatusCode::OK, PLAIN, "alive".to_owned()),
        "/readyz" if told.everything => ready(told),
        "/stats" if told.everything => {
            (StatusCode::OK, "application/json", (told.stats)().to_string())
        }
        _ => (StatusCode::NOT_FOUND, PLAIN, "not found".to_owned()),
    };
    let mut response = Response::new(text + "\n");
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(form));
    Ok(response)
}

fn ready(told: &Told) -> (StatusCode, &'static str, String) {
    let waiting = told.readiness.waiting();
    match (told.stop.is_requested(), waiting.is_empty()) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, PLAIN, "stopping".to_owned()),
        (_, true) => (StatusCode::OK, PLAIN, "ready".to_owned()),
        _ => {
            (StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("waiting for {}", waiting.join("; ")))
        }
    }
}

fn metrics(registry: &Registry) -> (StatusCode, &'static str, String) {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, registry) {
        Ok(()) => (StatusCode::OK, METRICS, text.trim_end().to_owned()),
        Err(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, PLAIN, "metrics cannot be written".to_owned())
        }
    }
}
