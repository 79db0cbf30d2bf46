// SPDX-License-Identifier: Apache-2.0
//! Accepts callers, within bounds, and drains them at the end.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sidecar::Stop;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::connection::{Requests, Watched};
use crate::proxy::Proxy;
use crate::upstream::READ_BUFFER;

/// A kept-alive connection without a request is closed after this; callers close theirs earlier.
const CALLER_IDLE: Duration = Duration::from_secs(600);
/// After a failed accept (no file descriptor left), so that the loop does not spin.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until asked to stop, then lets requests under way end, up to the grace.
pub(crate) async fn accept_until(proxy: Arc<Proxy>, listeners: Vec<TcpListener>, stop: &Stop) {
    let connections = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(proxy.limits.connections));
    let accepting = TaskTracker::new();
    for listener in listeners {
        let (proxy, slots, connections) =
            (Arc::clone(&proxy), Arc::clone(&slots), connections.clone());
        let stop = stop.clone();
        accepting.spawn(async move {
            tokio::select! {
                () = accept(&proxy, listener, slots, &connections, &stop) => {}
                () = stop.requested() => {}
            }
        });
    }
    stop.requested().await;
    accepting.close();
    accepting.wait().await;
    connections.close();
    tracing::info!(connections = connections.len(), grace_s = stop.grace().as_secs(), "draining");
    if tokio::time::timeout(stop.grace(), connections.wait()).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "requests were cut at the end of the grace"
        );
    }
}

async fn accept(
    proxy: &Arc<Proxy>,
    listener: TcpListener,
    slots: Arc<Semaphore>,
    connections: &TaskTracker,
    stop: &Stop,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Taken for a caller that is there: a listener nobody calls must hold no place.
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
                connections.spawn(connection(Arc::clone(proxy), stream, slot, stop.clone()));
            }
            Err(error) => {
                tracing::debug!(error = %error, "a caller could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn connection(proxy: Arc<Proxy>, stream: TcpStream, _slot: OwnedSemaphorePermit, stop: Stop) {
    // Small answers must not wait for an acknowledgement: 40 ms each.
    let _ = stream.set_nodelay(true);
    proxy.metrics.connections.inc();
    let requests = Requests::default();
    let watched = Watched::new(stream, requests.clone(), proxy.limits.header);
    let serving = Arc::clone(&proxy);
    let service = service_fn(move |request| Arc::clone(&serving).serve(request, requests.clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CALLER_IDLE)
        .max_buf_size(READ_BUFFER)
        .serve_connection(TokioIo::new(watched), service);
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
    proxy.metrics.connections.dec();
}
