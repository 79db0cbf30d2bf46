// SPDX-License-Identifier: Apache-2.0
//! Listening sockets: loopback in both families, and the port an earlier run announced.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context;
use sidecar::{Exit, Failure};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::config::Listen;

const BACKLOG: i32 = 1024;
/// How often a free port of one family may be taken in the other before we give up.
const TRIES: usize = 16;

/// Sockets that share one port.
pub(crate) struct Bound {
    pub(crate) listeners: Vec<TcpListener>,
    pub(crate) address: SocketAddr,
    /// The name that callers use.
    pub(crate) host: String,
}

impl Bound {
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}:{}", self.host, self.port())
    }
}

/// Binds; `kept` is the port of an earlier run, which a neighbour may already use.
pub(crate) fn bind(listen: &Listen, kept: Option<u16>) -> anyhow::Result<Bound> {
    bind_any(listen, kept)
        .with_context(|| format!("--listen {}: cannot bind{}", shown(listen), kept_hint(kept)))
        .map_err(|error| Failure::new(Exit::Unavailable, error))
}

fn kept_hint(kept: Option<u16>) -> String {
    kept.map(|port| format!(" port {port}, which --port-file names")).unwrap_or_default()
}

fn shown(listen: &Listen) -> String {
    match listen {
        Listen::Localhost(port) => format!("localhost:{port}"),
        Listen::Address(address) => address.to_string(),
    }
}

fn bind_any(listen: &Listen, kept: Option<u16>) -> io::Result<Bound> {
    match *listen {
        Listen::Localhost(port) => bind_localhost(if port == 0 { kept.unwrap_or(0) } else { port }),
        Listen::Address(mut address) => {
            if address.port() == 0 {
                address.set_port(kept.unwrap_or(0));
            }
            bind_address(address)
        }
    }
}

/// One address; `[::1]` falls back to 127.0.0.1 where IPv6 is absent.
fn bind_address(address: SocketAddr) -> io::Result<Bound> {
    let listener = match open(address) {
        Err(error) if address.ip() == IpAddr::V6(Ipv6Addr::LOCALHOST) && is_absent(&error) => {
            open(SocketAddr::from((Ipv4Addr::LOCALHOST, address.port())))?
        }
        other => other?,
    };
    let address = listener.local_addr()?;
    let host = match address.ip() {
        IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
        IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    Ok(Bound { listeners: vec![listener], address, host })
}

/// Both loopbacks on one port; either alone where the other family is absent.
fn bind_localhost(port: u16) -> io::Result<Bound> {
    let mut last = None;
    for _ in 0..TRIES {
        match bind_both(port) {
            Err(error) if port == 0 && error.kind() == io::ErrorKind::AddrInUse => {
                last = Some(error);
            }
            other => return other,
        }
    }
    Err(last.unwrap_or_else(|| io::Error::from(io::ErrorKind::AddrInUse)))
}

fn bind_both(port: u16) -> io::Result<Bound> {
    let mut listeners = Vec::new();
    match open(SocketAddr::from((Ipv6Addr::LOCALHOST, port))) {
        Ok(listener) => listeners.push(listener),
        Err(error) if is_absent(&error) => {}
        Err(error) => return Err(error),
    }
    let port = match listeners.first() {
        Some(listener) => listener.local_addr()?.port(),
        None => port,
    };
    match open(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
        Ok(listener) => listeners.push(listener),
        Err(error) if is_absent(&error) && !listeners.is_empty() => {}
        Err(error) => return Err(error),
    }
    let address = listeners.first().map_or_else(
        || Err(io::Error::from(io::ErrorKind::AddrNotAvailable)),
        TcpListener::local_addr,
    )?;
    Ok(Bound { listeners, address, host: "localhost".to_owned() })
}

/// The family does not exist on this machine.
fn is_absent(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // Each family has its own socket: an IPv4 caller must not depend on a mapped address.
        socket.set_only_v6(address.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED))?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn localhost_answers_on_both_families_with_one_port() {
        let bound = bind(&Listen::Localhost(0), None).unwrap();
        assert!(!bound.listeners.is_empty());
        for listener in &bound.listeners {
            assert_eq!(listener.local_addr().unwrap().port(), bound.port());
        }
    }

    #[tokio::test]
    async fn a_restart_takes_the_port_of_the_earlier_run() {
        let first = bind(&Listen::Localhost(0), None).unwrap().port();
        assert_eq!(bind(&Listen::Localhost(0), Some(first)).unwrap().port(), first);
    }

    #[tokio::test]
    async fn a_taken_port_is_named_and_is_exit_69() {
        let bound = bind(&Listen::Localhost(0), None).unwrap();
        let error = bind(&Listen::Localhost(bound.port()), None).err().unwrap();
        assert!(format!("{error:#}").contains(&bound.port().to_string()), "{error:#}");
    }
}
