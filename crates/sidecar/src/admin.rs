// SPDX-License-Identifier: Apache-2.0
//! The admin listener: `/livez`, `/readyz`, `/metrics`, `/stats` on loopback, and `/metrics` alone
//! for a scraper.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::given::Given;
use crate::outcome::{Exit, Failure};
use crate::readiness::Readiness;
use crate::stop::Stop;

/// Probes and scrapers are few.
const CONNECTIONS: usize = 32;
const HEAD_LIMIT: Duration = Duration::from_secs(5);

/// The flags of a program with an admin listener.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Admin")]
pub struct AdminArgs {
    /// Where probes, readiness, metrics and stats are served: `localhost:PORT` or an address
    #[arg(long, value_name = "ADDRESS")]
    pub admin_listen: Option<Given<String>>,

    /// Serve /metrics alone here too, for a scraper, as [::]:9090
    #[arg(long, value_name = "ADDRESS")]
    pub metrics_listen: Option<Given<SocketAddr>>,
}

/// What the listener tells.
#[derive(Clone)]
pub(crate) struct Told {
    readiness: Readiness,
    registry: Arc<Registry>,
    stats: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Everything,
    MetricsAlone,
}

/// The listeners, bound and not yet serving.
#[derive(Debug)]
pub struct Admin {
    listeners: Vec<TcpListener>,
    metrics: Option<TcpListener>,
}

impl Admin {
    /// Binds. A taken port is [`Exit::Unavailable`] and says which flag it is.
    ///
    /// # Errors
    /// If an address cannot be bound.
    pub async fn bind(listen: &[SocketAddr], metrics: Option<SocketAddr>) -> anyhow::Result<Self> {
        let mut listeners = Vec::new();
        let mut last = None;
        for address in listen {
            match TcpListener::bind(address).await {
                Ok(listener) => listeners.push(listener),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    return Err(taken("--admin-listen", *address, &error));
                }
                Err(error) => last = Some((*address, error)),
            }
        }
        // One family of loopback may be absent, not both.
        if let (true, Some((address, error))) = (listeners.is_empty(), last) {
            return Err(taken("--admin-listen", address, &error));
        }
        let metrics = match metrics {
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .map_err(|error| taken("--metrics-listen", address, &error))?,
            ),
            None => None,
        };
        Ok(Self { listeners, metrics })
    }

    /// The first bound address.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.listeners.first().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves in the background until the process ends or `stop` has drained.
    pub fn serve(
        self,
        readiness: Readiness,
        registry: Arc<Registry>,
        stats: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
        stop: &Stop,
    ) {
        let told = Told { readiness, registry, stats };
        let scoped = self.listeners.into_iter().map(|listener| (listener, Scope::Everything));
        for (listener, scope) in scoped.chain(self.metrics.map(|one| (one, Scope::MetricsAlone))) {
            let (told, stop) = (told.clone(), stop.clone());
            tokio::spawn(async move { accept(listener, told, scope, stop).await });
        }
    }
}

fn taken(flag: &str, address: SocketAddr, error: &io::Error) -> anyhow::Error {
    Failure::new(Exit::Unavailable, anyhow::anyhow!("{flag} {address}: cannot bind: {error}"))
}

async fn accept(listener: TcpListener, told: Told, scope: Scope, stop: Stop) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (told, stop) = (told.clone(), stop.clone());
        tokio::spawn(async move {
            let service =
                service_fn(move |request| answer(request, told.clone(), scope, stop.clone()));
            // A prober that hangs up is no news.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_LIMIT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            drop(slot);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    told: Told,
    scope: Scope,
    stop: Stop,
) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match (request.uri().path(), scope) {
        ("/metrics", _) => metrics(&told.registry),
        ("/livez", Scope::Everything) => plain(StatusCode::OK, "alive\n".to_owned()),
        ("/readyz", Scope::Everything) => ready(&told.readiness, &stop),
        ("/stats", Scope::Everything) => {
            let mut response = plain(StatusCode::OK, format!("{}\n", (told.stats)()));
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        _ => plain(StatusCode::NOT_FOUND, "not found\n".to_owned()),
    })
}

fn ready(readiness: &Readiness, stop: &Stop) -> Response<Full<Bytes>> {
    if stop.is_requested() {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
    }
    match readiness.waiting() {
        waiting if waiting.is_empty() => plain(StatusCode::OK, "ready\n".to_owned()),
        waiting => {
            plain(StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {}\n", waiting.join("; ")))
        }
    }
}

fn metrics(registry: &Registry) -> Response<Full<Bytes>> {
    let mut text = String::new();
    if prometheus_client::encoding::text::encode(&mut text, registry).is_err() {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be written\n".to_owned());
    }
    let mut response = plain(StatusCode::OK, text);
    const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
    response
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
