// SPDX-License-Identifier: Apache-2.0
//! Accepts callers, within bounds, and drains them at the end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sidecar::Stop;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::service::Service;

/// A request's head; hyper takes no smaller bound than 8 KiB, and a token may have as much.
const MOST_HEAD: usize = 16 * 1024;
/// After a failed accept (no file descriptor left), so that the loop does not spin.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves callers.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) service: Arc<Service>,
    /// `None`: plain HTTP.
    pub(crate) tls: Option<TlsAcceptor>,
    /// How long a handshake, or a head, may take; an idle connection is closed after it too.
    pub(crate) head: Duration,
    /// Callers at one time; more wait to be accepted.
    pub(crate) connections: usize,
}

impl Server {
    /// Serves until asked to stop, then lets requests under way end, up to the grace.
    pub(crate) async fn accept_until(self, listener: TcpListener, stop: &Stop) {
        let connections = TaskTracker::new();
        tokio::select! {
            () = self.accept(&listener, &connections, stop) => {}
            () = stop.requested() => {}
        }
        // From here on nobody is kept waiting in a queue that is never served.
        drop(listener);
        connections.close();
        tracing::info!(
            connections = connections.len(),
            grace_s = stop.grace().as_secs(),
            "draining"
        );
        if timeout(stop.grace(), connections.wait()).await.is_err() {
            let left = connections.len();
            tracing::warn!(connections = left, "requests were cut at the end of the grace");
        }
    }

    async fn accept(&self, listener: &TcpListener, connections: &TaskTracker, stop: &Stop) {
        let slots = Arc::new(Semaphore::new(self.connections));
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    connections.spawn(self.clone().connection(stream, slot, stop.clone()));
                }
                Err(error) => {
                    tracing::debug!(error = %error, "a caller could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn connection(self, stream: TcpStream, _slot: OwnedSemaphorePermit, stop: Stop) {
        // Small answers must not wait for an acknowledgement: 40 ms each.
        let _ = stream.set_nodelay(true);
        self.service.metrics.connections.inc();
        match &self.tls {
            None => self.serve(stream, &stop).await,
            Some(tls) => match timeout(self.head, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.serve(stream, &stop).await,
                Ok(Err(error)) => tracing::debug!(error = %error, "a handshake failed"),
                Err(_) => tracing::debug!("a handshake did not end in time"),
            },
        }
        self.service.metrics.connections.dec();
    }

    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin, stop: &Stop) {
        let service = service_fn(|request| {
            let service = Arc::clone(&self.service);
            async move { Ok::<_, Infallible>(service.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.head)
            .max_buf_size(MOST_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.requested() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error = %error, "a caller's connection ended early");
        }
    }
}
