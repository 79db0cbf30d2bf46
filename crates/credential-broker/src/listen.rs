// SPDX-License-Identifier: Apache-2.0
//! The listening socket: both families on `[::]`, IPv4 alone where IPv6 is absent.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context;
use sidecar::{Exit, Failure};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

const BACKLOG: i32 = 1024;

/// Binds.
///
/// # Errors
/// [`Exit::Unavailable`], naming the address.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    bind_with(address, open)
        .with_context(|| format!("--listen {address}: cannot bind"))
        .map_err(|error| Failure::new(Exit::Unavailable, error))
}

fn bind_with<T>(address: SocketAddr, open: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match open(address) {
        Err(error) if is_absent(&error) => match fallback(address) {
            Some(address) => open(address),
            None => Err(error),
        },
        other => other,
    }
}

/// The IPv4 address that means the same.
fn fallback(address: SocketAddr) -> Option<SocketAddr> {
    let ip = match address.ip() {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Ipv4Addr::LOCALHOST,
        _ => return None,
    };
    Some((ip, address.port()).into())
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
    async fn the_unspecified_address_serves_ipv4_too() {
        let listener = bind("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (served, _) = tokio::join!(
            tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)),
            listener.accept()
        );
        served.unwrap();
    }

    #[test]
    fn where_ipv6_is_absent_ipv4_serves() {
        let open = |address: SocketAddr| match address.is_ipv6() {
            true => Err(io::Error::from_raw_os_error(97)),
            false => Ok(address),
        };
        let bound = |text: &str| bind_with(text.parse().unwrap(), open).map(|it| it.to_string());
        assert_eq!(bound("[::]:9091").unwrap(), "0.0.0.0:9091");
        assert_eq!(bound("[::1]:9091").unwrap(), "127.0.0.1:9091");
        assert!(bound("[2001:db8::1]:9091").is_err(), "an address of one machine has no twin");
    }

    #[tokio::test]
    async fn a_taken_port_is_named_and_is_exit_69() {
        let taken = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = taken.local_addr().unwrap();
        let error = bind(address).unwrap_err();
        assert_eq!(Failure::exit_of(&error), Exit::Unavailable);
        assert!(format!("{error:#}").contains(&address.to_string()), "{error:#}");
    }
}
