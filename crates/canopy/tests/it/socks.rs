// SPDX-License-Identifier: Apache-2.0
//! A SOCKS5 proxy (RFC 1928) that leads every name to one address, and remembers the names.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) struct Socks {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    asked: Mutex<Vec<String>>,
    is_dead: AtomicBool,
}

impl Socks {
    pub(crate) fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        // Daemon threads: they end with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let serving = Arc::clone(&serving);
                thread::spawn(move || serve(&serving, client, to).ok());
            }
        });
        Self { addr, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("socks5://{}", self.addr)
    }

    /// The hosts asked for, as `NAME:PORT`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// From now on connections end before a word is said, as those of a sidecar that died.
    pub(crate) fn kill(&self) {
        self.shared.is_dead.store(true, Ordering::SeqCst);
    }
}

fn serve(shared: &Shared, mut client: TcpStream, to: SocketAddr) -> io::Result<()> {
    if shared.is_dead.load(Ordering::SeqCst) {
        return Ok(());
    }
    let [_version, methods] = take(&mut client)?;
    let mut offered = vec![0; methods.into()];
    client.read_exact(&mut offered)?;
    client.write_all(&[5, 0])?;
    let [_version, _connect, _reserved, kind] = take(&mut client)?;
    let host = match kind {
        1 => Ipv4Addr::from(take::<4>(&mut client)?).to_string(),
        3 => {
            let [length] = take(&mut client)?;
            let mut name = vec![0; length.into()];
            client.read_exact(&mut name)?;
            String::from_utf8_lossy(&name).into_owned()
        }
        _ => format!("{:?}", take::<16>(&mut client)?),
    };
    let port = u16::from_be_bytes(take(&mut client)?);
    shared.asked.lock().unwrap().push(format!("{host}:{port}"));
    let server = TcpStream::connect(to)?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || pass(&mut from_server, &mut to_client));
    pass(&mut client, &mut { server });
    back.join().ok();
    Ok(())
}

fn pass(from: &mut TcpStream, to: &mut TcpStream) {
    io::copy(from, to).ok();
    to.shutdown(Shutdown::Write).ok();
}

fn take<const N: usize>(from: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}
