// SPDX-License-Identifier: Apache-2.0
//! A relay in front of a server that makes things go wrong as a [`FaultPlan`] says.
//!
//! It knows just enough of HTTP/1.1 to tell messages apart; what it passes on are the very bytes
//! that came.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use tokio::net::TcpStream;

use crate::answer;
use crate::ca::Ca;
use crate::fault::{Course, Fault, FaultPlan, Hit};
use crate::forget;
use crate::host::Host;
use crate::leg::Leg;
use crate::rate::Rate;
use crate::relay::{self, Next, Side};
use crate::wire::Head;

/// What a front is to be like.
pub struct FrontConfig<'a> {
    /// The server behind it.
    pub upstream: SocketAddr,
    /// Ends TLS itself, with a certificate for loopback.
    pub tls: Option<&'a Ca>,
    /// Speaks TLS to the server, which must have a certificate of this authority for `localhost`.
    pub upstream_tls: Option<&'a Ca>,
    /// Where to listen; port 0 takes any.
    pub listen: SocketAddr,
    /// The faults to begin with.
    pub plan: FaultPlan,
}

impl<'a> FrontConfig<'a> {
    /// A plain front without faults.
    pub fn new(upstream: SocketAddr) -> FrontConfig<'a> {
        FrontConfig {
            upstream,
            tls: None,
            upstream_tls: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            plan: FaultPlan::none(),
        }
    }
}

/// A running front; it ends when it is dropped.
pub struct Front {
    host: Host,
    addr: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    upstream_tls: Option<Arc<rustls::ClientConfig>>,
    course: Mutex<Course>,
}

impl Front {
    /// Starts a front; when this returns, it accepts connections.
    pub fn start(config: FrontConfig<'_>) -> anyhow::Result<Front> {
        let host = Host::start("testbed-front", 1)?;
        let (listener, addr) = host
            .bind(config.listen)
            .with_context(|| format!("the front cannot listen on {}", config.listen))?;
        let shared = Arc::new(Shared {
            upstream: config.upstream,
            upstream_tls: config.upstream_tls.map(Ca::client_config).transpose()?,
            course: Mutex::default(),
        });
        shared.course().set(config.plan);
        let tls = config.tls.map(Ca::server_config_for_loopback).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let serving = Arc::clone(&shared);
        host.accept(listener, tls, move |leg| serve(Arc::clone(&serving), leg));
        Ok(Front { host, addr, scheme, shared })
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

    /// Puts another plan in place; it counts requests from here on.
    pub fn plan(&self, plan: FaultPlan) {
        self.shared.course().set(plan);
    }

    /// The faults that happened so far, under whichever plan.
    pub fn hits(&self) -> Vec<Hit> {
        self.shared.course().hits.clone()
    }

    /// How many requests came by.
    pub fn requests(&self) -> u64 {
        self.shared.course().requests
    }

    /// Ends the front; when this returns, its port refuses connections.
    pub fn stop(mut self) {
        self.host.stop();
    }
}

impl Shared {
    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of a request, and the line that its body goes over.
    fn course_of(&self, head: &Head) -> (Option<Fault>, Option<Arc<Rate>>) {
        let mut course = self.course();
        (course.next(head), course.rate.clone())
    }

    async fn connect(&self) -> io::Result<Side> {
        let socket = TcpStream::connect(self.upstream).await?;
        Ok(Side::new(Leg::connected(socket, self.upstream_tls.as_ref()).await?))
    }
}

/// One client connection; it has one connection of its own to the server, opened when needed.
async fn serve(shared: Arc<Shared>, leg: Leg) {
    let mut client = Side::new(leg);
    let mut upstream = None;
    let mut next = Next::KeepOpen;
    while next == Next::KeepOpen {
        // A side that breaks ends both; who broke it sees to the rest.
        next = one_request(&shared, &mut client, &mut upstream).await.unwrap_or(Next::Close);
    }
    client.end(next).await;
    if let Some(upstream) = upstream {
        upstream.end(next).await;
    }
}

async fn one_request(
    shared: &Shared,
    client: &mut Side,
    upstream: &mut Option<Side>,
) -> io::Result<Next> {
    let idle = upstream.as_mut();
    let head = tokio::select! {
        head = client.wire.read_head(Head::parse_request) => head?,
        // The server ends an idle connection, and so does the front.
        _ = ended(idle) => return Ok(Next::Close),
    };
    let Some(mut head) = head else { return Ok(Next::Close) };
    let (fault, rate) = shared.course_of(&head);
    if let Some(fault) = &fault
        && let Some(next) = answer::answer_alone(fault, &head, client).await?
    {
        return Ok(next);
    }
    let upstream = match upstream {
        Some(open) => open,
        None => upstream.insert(shared.connect().await?),
    };
    let line = rate.as_deref();
    match &fault {
        Some(Fault::LoseAnswer(lost)) => relay::lose(*lost, &head, line, client, upstream).await,
        Some(Fault::IgnoreCreateOnly(sign)) => {
            forget::create_only(&mut head, sign)?;
            relay::pass(None, &head, line, client, upstream).await
        }
        fault => relay::pass(fault.as_ref(), &head, line, client, upstream).await,
    }
}

/// Waits until a server that should be silent ends its connection.
async fn ended(upstream: Option<&mut Side>) {
    match upstream {
        None => std::future::pending().await,
        Some(side) => drop(side.wire.fill().await),
    }
}
