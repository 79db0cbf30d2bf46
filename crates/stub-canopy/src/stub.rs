// SPDX-License-Identifier: Apache-2.0
//! A running stub.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::config::Config;
use crate::fault::Struck;
use crate::ledger::{Captured, Heard, Issued, Ledger};
use crate::script::Scripts;
use crate::serve::{self, Shared};
use crate::{certificate, issuer};

/// How long the end waits for a thread that is busy.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// A running stub, on a thread of its own, so that it serves plain and async tests alike. It ends
/// when it is dropped.
pub struct Stub {
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
    addr: SocketAddr,
}

impl Stub {
    /// Starts it; when this returns, it accepts connections.
    ///
    /// # Errors
    /// A script, certificate or key that is missing or no such thing; a port that is taken.
    pub fn start(config: Config) -> anyhow::Result<Self> {
        let tls = config.tls.as_ref().map(certificate::server).transpose()?;
        let shared = Arc::new(Shared {
            scripts: Scripts::open(config.script)?,
            ledger: Ledger::default(),
            struck: Struck::default(),
            issuer: issuer::client()?,
            tls,
        });
        let listener = bind(config.listen)
            .with_context(|| format!("the stub cannot listen on {}", config.listen))?;
        let addr = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("stub-canopy")
            .enable_all()
            .build()?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        runtime.spawn(serve::accept(Arc::clone(&shared), listener));
        Ok(Self { runtime: Some(runtime), shared, addr })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `https://localhost:PORT` with TLS, else `http://127.0.0.1:PORT`; as a tailnet's host it is the
    /// same URL.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.addr.port();
        match (&self.shared.tls, self.addr) {
            (Some(_), _) => format!("https://localhost:{port}"),
            (None, addr) if addr.ip().is_unspecified() => format!("http://127.0.0.1:{port}"),
            (None, addr) => format!("http://{addr}"),
        }
    }

    /// The posts that were taken, in order.
    #[must_use]
    pub fn captured(&self) -> Vec<Captured> {
        self.shared.ledger.captured()
    }

    /// All requests, whatever became of them, in order; those of read-back left out.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.ledger.heard()
    }

    /// How many sets of credentials each asker got.
    #[must_use]
    pub fn issued(&self) -> Vec<Issued> {
        self.shared.ledger.issued()
    }

    /// Forgets what came and what was given out.
    pub fn forget(&self) {
        self.shared.ledger.forget();
    }

    /// Puts another script in force. One that is a file is read again at the next request.
    ///
    /// # Errors
    /// What makes it no script.
    pub fn set(&self, script: Value) -> anyhow::Result<()> {
        self.shared.scripts.set(script)
    }

    /// Ends it; when this returns, its port refuses connections.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // A thread of its own, because a runtime must not end inside another one.
        let ending = std::thread::spawn(move || runtime.shutdown_timeout(STOP_WAIT));
        ending.join().ok();
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.end();
    }
}

impl std::fmt::Debug for Stub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stub").field("url", &self.url()).finish_non_exhaustive()
    }
}

/// All addresses means both families, or the older one where the newer is absent.
fn bind(at: SocketAddr) -> io::Result<TcpListener> {
    let listener = match TcpListener::bind(at) {
        Err(error) if at.ip().is_unspecified() && at.is_ipv6() => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, at.port())).map_err(|_| error)?
        }
        other => other?,
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}
