// SPDX-License-Identifier: Apache-2.0
//! Connections and requests: from the socket to the answer on the wire.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::answer::{Asked, Desk};
use crate::certificate::Certificate;
use crate::fault::{Effect, Fault, Struck, Taken};
use crate::ledger::{Heard, Ledger, Way};
use crate::reply::{self, Answer, Payload, Problem};
use crate::route::{self, Route};
use crate::script::Scripts;
use crate::{body, control};

/// After an error of the system, such as too many open files.
const PAUSE: Duration = Duration::from_millis(5);

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) scripts: Scripts,
    pub(crate) ledger: Ledger,
    pub(crate) struck: Struck,
    pub(crate) issuer: reqwest::Client,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
}

/// Accepts for ever; a connection that fails its handshake is its peer's affair.
pub(crate) async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => drop(tokio::spawn(connection(Arc::clone(&shared), socket))),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn connection(shared: Arc<Shared>, socket: TcpStream) {
    let leg = match crate::leg::Leg::accepted(socket, shared.tls.as_ref()).await {
        Ok(leg) => leg,
        Err(error) => return tracing::warn!(%error, "a handshake failed"),
    };
    let certificate = leg.certificate();
    let is_reset = Arc::new(AtomicBool::new(false));
    let wants_reset = Arc::clone(&is_reset);
    let service = hyper::service::service_fn(move |request| {
        let (shared, certificate) = (Arc::clone(&shared), certificate.clone());
        let wants_reset = Arc::clone(&wants_reset);
        async move {
            let response = serve(&shared, certificate, request).await;
            wants_reset.fetch_or(response.is_err(), Ordering::Relaxed);
            response
        }
    });
    let mut connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(leg), service);
    // A connection that fails is its peer's affair, or what the script wants.
    Pin::new(&mut connection).await.ok();
    if is_reset.load(Ordering::Relaxed) {
        let leg = connection.into_parts().io.into_inner();
        leg.reset_on_drop().ok();
    }
}

async fn serve(
    shared: &Shared,
    certificate: Option<Certificate>,
    request: Request<Incoming>,
) -> io::Result<Response<Payload>> {
    let (parts, incoming) = request.into_parts();
    if let Some(answer) = control::answer(&parts.method, parts.uri.path(), &shared.ledger) {
        return Ok(reply::response(answer));
    }
    let (way, path) = route::way(parts.uri.path());
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let heard = Heard {
        method: parts.method.to_string(),
        path: path.to_owned(),
        way,
        status: None,
        host: host.map(str::to_owned),
        certificate: certificate.clone(),
    };
    let head = Head { method: parts.method, path, way, headers: parts.headers, certificate };
    let response = faulty(shared, head, incoming).await;
    let status = response.as_ref().ok().map(|response| response.status().as_u16());
    tracing::info!(method = heard.method, path, status, "answered");
    shared.ledger.hear(Heard { status, ..heard });
    response
}

struct Head<'a> {
    method: Method,
    path: &'a str,
    way: Way,
    headers: HeaderMap,
    certificate: Option<Certificate>,
}

/// The answer, with what the script does to it.
async fn faulty(
    shared: &Shared,
    head: Head<'_>,
    incoming: Incoming,
) -> io::Result<Response<Payload>> {
    let script = shared.scripts.now();
    let fault = shared.struck.next(&script.faults, head.path).unwrap_or_default();
    let bytes = body::read(incoming).await;
    tokio::time::sleep(fault.delay()).await;
    let answer = match (fault.taken(), bytes) {
        (Taken::No, _) => Err(stated(&fault, StatusCode::INTERNAL_SERVER_ERROR)),
        (Taken::Yes, Err(problem)) => Err(problem),
        (Taken::Yes, Ok(bytes)) => {
            let desk = Desk { script: &script, ledger: &shared.ledger, issuer: &shared.issuer };
            whole(&desk, head, bytes).await
        }
    };
    match fault.effect() {
        Effect::None => Ok(reply::response(answer)),
        Effect::Half => Ok(reply::half(reply::response(answer))),
        Effect::Refuse => Err(io::Error::other("reset as the script says")),
        Effect::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            Ok(reply::response(Err(stated(&fault, status))))
        }
    }
}

fn stated(fault: &Fault, status: StatusCode) -> Problem {
    let detail = fault.detail.as_deref().unwrap_or("as the script says");
    Problem::new(status, detail).with_retry_after(fault.retry_after)
}

async fn whole(desk: &Desk<'_>, head: Head<'_>, bytes: Bytes) -> Answer {
    let endpoint = match route::route(&head.method, head.path) {
        Route::To(endpoint) => endpoint,
        Route::WrongMethod => {
            return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "another method is expected"));
        }
        Route::Nowhere => return Err(Problem::new(StatusCode::NOT_FOUND, "no such path")),
    };
    let Head { path, way, headers, certificate, .. } = head;
    let path = path.to_owned();
    desk.answer(&Asked { endpoint, path, way, headers, bytes, certificate }).await
}
