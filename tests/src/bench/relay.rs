// SPDX-License-Identifier: Apache-2.0
//! A byte relay that nobody here wrote: haproxy in TCP mode, TLS to the origin.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use testbed::{Ca, Running, Spawn};

use super::places;
use super::upstream::Upstream;

const START: Duration = Duration::from_secs(20);

/// A running relay; it is killed when it is dropped.
pub(super) struct Relay {
    run: Running,
    addr: SocketAddr,
}

impl Relay {
    pub(super) fn start(folder: &Path, upstream: &Upstream, ca: &Ca) -> anyhow::Result<Relay> {
        // Free a moment ago; if somebody else is faster, haproxy says so.
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, configuration(addr, upstream.addr(), ca.pem_path()))?;
        let mut run = Spawn::new(places::haproxy()?).arg("-db").arg("-f").arg(&file).start()?;
        run.wait_until(START, "haproxy listens", |_| std::net::TcpStream::connect(addr).is_ok())
            .context("the relay does not start")?;
        Ok(Relay { run, addr })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn process(&self) -> u32 {
        self.run.id()
    }
}

/// One thread, as ours has: on two it costs more per byte. All else is haproxy's default.
fn configuration(listen: SocketAddr, origin: SocketAddr, ca: &Path) -> String {
    format!(
        "global\n  nbthread 1\n  maxconn 256\n\
         defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
         listen relay\n  bind {listen}\n  server origin {origin} ssl verify required \
         ca-file {} sni str(localhost) verifyhost localhost\n",
        ca.display()
    )
}
