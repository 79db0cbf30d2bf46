// SPDX-License-Identifier: Apache-2.0
//! A scripted origin for exactness tests: it records the bytes that arrive and answers the bytes
//! that the script says, however odd.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use crate::ca::Ca;
use crate::host::Host;
use crate::leg::Leg;
use crate::relay::{Next, Side};
use crate::wire::Head;

/// One request as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Which connection it came on, from 0.
    pub connection: usize,
    /// The head, with its exact bytes.
    pub head: Head,
    /// The body's data, without chunk framing.
    pub body: Vec<u8>,
    /// The body's bytes on the wire, with the framing.
    pub raw_body: Vec<u8>,
    /// Whether the body came to its end.
    pub complete: bool,
}

/// One thing that the origin does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Writes bytes, in a segment of their own.
    Write(Vec<u8>),
    /// Reads the request's body to its end; without this step, it is read before all steps.
    ReadBody,
    /// Does nothing for a while.
    Pause(Duration),
    /// Ends the connection in order.
    Close,
    /// Ends the connection with a reset.
    Reset,
    /// Never goes on.
    Hang,
}

/// What is done about one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply(
    /// The steps, in order.
    pub Vec<Step>,
);

impl Reply {
    /// Reads the request, then writes these bytes.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Reply {
        Reply(vec![Step::Write(bytes.into())])
    }

    /// Reads the request, then answers with a status, headers (each line with its CRLF) and a
    /// body, whose length it adds.
    pub fn answer(status: &str, headers: &str, body: &[u8]) -> Reply {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n");
        Reply::bytes([head.as_bytes(), body].concat())
    }
}

/// Chooses the reply to a request by its head; the body is not read yet.
pub type Script = dyn Fn(&Heard) -> Reply + Send + Sync;

/// A running origin; it ends when it is dropped.
pub struct Origin {
    host: Host,
    addr: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    script: Box<Script>,
    heard: Mutex<Vec<Heard>>,
    news: Condvar,
    connections: AtomicUsize,
}

impl Origin {
    /// Starts an origin that chooses each reply by a function.
    pub fn start(
        tls: Option<&Ca>,
        script: impl Fn(&Heard) -> Reply + Send + Sync + 'static,
    ) -> anyhow::Result<Origin> {
        let host = Host::start("testbed-origin", 1)?;
        let (listener, addr) = host.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let shared = Arc::new(Shared {
            script: Box::new(script),
            heard: Mutex::default(),
            news: Condvar::new(),
            connections: AtomicUsize::new(0),
        });
        let tls = tls.map(Ca::server_config_for_loopback).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let serving = Arc::clone(&shared);
        host.accept(listener, tls, move |leg| serve(Arc::clone(&serving), leg));
        Ok(Origin { host, addr, scheme, shared })
    }

    /// Starts an origin that always replies the same.
    pub fn always(tls: Option<&Ca>, reply: Reply) -> anyhow::Result<Origin> {
        Origin::start(tls, move |_| reply.clone())
    }

    /// Starts an origin that gives these replies in turn, the last one again and again.
    pub fn in_turn(tls: Option<&Ca>, replies: Vec<Reply>) -> anyhow::Result<Origin> {
        let turn = AtomicUsize::new(0);
        Origin::start(tls, move |_| {
            let turn = turn.fetch_add(1, Ordering::SeqCst).min(replies.len().saturating_sub(1));
            replies.get(turn).cloned().unwrap_or_default()
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `https://localhost:PORT` with TLS, else `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        match self.scheme {
            "https" => format!("https://localhost:{}", self.addr.port()),
            scheme => format!("{scheme}://{}", self.addr),
        }
    }

    /// The requests whose replies are over or broken off, in the order of their ends.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.heard().clone()
    }

    /// Waits until this many requests were heard, and returns all; fewer if the time is over.
    pub fn wait_heard(&self, count: usize, within: Duration) -> Vec<Heard> {
        let until = Instant::now() + within;
        let mut heard = self.shared.heard();
        while heard.len() < count {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.shared.news.wait_timeout(heard, left);
            heard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        heard.clone()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Ends the origin; when this returns, its port refuses connections.
    pub fn stop(mut self) {
        self.host.stop();
    }
}

impl Shared {
    fn heard(&self) -> MutexGuard<'_, Vec<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(shared: Arc<Shared>, leg: Leg) {
    let connection = shared.connections.fetch_add(1, Ordering::SeqCst);
    let mut side = Side::new(leg);
    loop {
        let head = match side.wire.read_head(Head::parse_request).await {
            Ok(Some(head)) => head,
            _ => return side.end(Next::Close).await,
        };
        let mut heard = Heard { connection, head, ..Heard::default() };
        let done = one_reply(&shared, &mut side, &mut heard).await;
        shared.heard().push(heard);
        shared.news.notify_all();
        match done {
            Ok(Next::KeepOpen) => {}
            Ok(next) => return side.end(next).await,
            Err(_) => return side.end(Next::Close).await,
        }
    }
}

async fn one_reply(shared: &Shared, side: &mut Side, heard: &mut Heard) -> io::Result<Next> {
    let reply = (shared.script)(heard);
    if !reply.0.contains(&Step::ReadBody) {
        read_body(side, heard).await?;
    }
    for step in reply.0 {
        match step {
            Step::Write(bytes) => {
                side.out.write_all(&bytes).await?;
                side.out.flush().await?;
            }
            Step::ReadBody => read_body(side, heard).await?,
            Step::Pause(wait) => tokio::time::sleep(wait).await,
            Step::Close => return Ok(Next::Close),
            Step::Reset => return Ok(Next::Reset),
            Step::Hang => std::future::pending().await,
        }
    }
    Ok(Next::KeepOpen)
}

async fn read_body(side: &mut Side, heard: &mut Heard) -> io::Result<()> {
    let mut scan = heard.head.request_body();
    while !scan.is_done() {
        if side.wire.buffer.is_empty() && side.wire.fill().await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let taken = scan.take(&side.wire.buffer, &mut heard.body)?;
        heard.raw_body.extend(side.wire.buffer.drain(..taken));
    }
    heard.complete = true;
    Ok(())
}
