// SPDX-License-Identifier: Apache-2.0
//! A wire that counts what goes over it, heads and all: the store itself counts bodies alone.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

const PIECE: usize = 64 * 1024;

/// A running relay to one server; it ends when it is dropped.
pub(crate) struct Meter {
    addr: SocketAddr,
    counted: Arc<Counted>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct Counted {
    to_server: AtomicU64,
    from_server: AtomicU64,
}

impl Meter {
    pub(crate) fn start(server: SocketAddr) -> anyhow::Result<Meter> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let addr = listener.local_addr()?;
        let counted = Arc::new(Counted::default());
        let shared = Arc::clone(&counted);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, server, Arc::clone(&shared)));
            }
        });
        Ok(Meter { addr, counted, runtime: Some(runtime) })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What the server was sent.
    pub(crate) fn received(&self) -> u64 {
        self.counted.to_server.load(Ordering::SeqCst)
    }

    /// What the server has sent.
    pub(crate) fn sent(&self) -> u64 {
        self.counted.from_server.load(Ordering::SeqCst)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn relay(mut client: TcpStream, server: SocketAddr, counted: Arc<Counted>) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client_reads, client_writes) = client.split();
    let (server_reads, server_writes) = server.split();
    tokio::try_join!(
        pass(client_reads, server_writes, &counted.to_server),
        pass(server_reads, client_writes, &counted.from_server),
    )?;
    Ok(())
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &AtomicU64,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        count.fetch_add(length as u64, Ordering::SeqCst);
        to.write_all(&piece[..length]).await?;
    }
}
