// SPDX-License-Identifier: Apache-2.0
//! The threads and listeners that a test server lives on, apart from the test's own runtime.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::leg::Leg;

/// How long [`Host::stop`] waits for a thread that is busy with a file.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// A runtime of its own; its tasks and sockets end with it.
pub(crate) struct Host {
    runtime: Option<Runtime>,
}

impl Host {
    pub(crate) fn start(name: &str, threads: usize) -> io::Result<Host> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name(name)
            .enable_all()
            .build()?;
        Ok(Host { runtime: Some(runtime) })
    }

    /// Binds at once, so that a taken port is an error of the caller.
    pub(crate) fn bind(&self, at: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = bind_reusable(at)?;
        let bound = listener.local_addr()?;
        let _entered = self.runtime().enter();
        Ok((TcpListener::from_std(listener)?, bound))
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime().spawn(task);
    }

    /// Serves every connection in a task of its own until the host stops.
    pub(crate) fn accept<F, Fut>(
        &self,
        listener: TcpListener,
        tls: Option<Arc<rustls::ServerConfig>>,
        serve: F,
    ) where
        F: Fn(Leg) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.spawn(accept_from(listener, tls, serve));
    }

    /// Ends all tasks; when it returns, the ports refuse connections.
    pub(crate) fn stop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // A thread of its own, because a runtime must not end inside another one.
        let ending = std::thread::spawn(move || runtime.shutdown_timeout(STOP_WAIT));
        ending.join().ok();
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("the runtime lives until stop, which only drop follows")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Accepts for ever; a connection that fails its handshake is its peer's affair.
pub(crate) async fn accept_from<F, Fut>(
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    serve: F,
) where
    F: Fn(Leg) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let (tls, serve) = (tls.clone(), serve.clone());
        tokio::spawn(async move {
            if let Ok(leg) = Leg::accepted(socket, tls.as_ref()).await {
                serve(leg).await;
            }
        });
    }
}

/// Address reuse lets a server come back on the port that it had before.
pub(crate) fn bind_reusable(at: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(at),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    socket.listen(1024)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
