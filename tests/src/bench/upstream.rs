// SPDX-License-Identifier: Apache-2.0
//! What the routes lead to: the origin that costs next to nothing, in a process of its own so that
//! its work is not counted as the client's, or an S3 server that does all that one must do.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use testbed::{Ca, Running, Spawn, StaticPair, Store, StoreConfig};

use super::places;

const START: Duration = Duration::from_secs(20);

/// Which upstream is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Answers at once, looks at nothing, keeps nothing.
    Origin,
    /// The testbed's store: verifies signatures, reads files.
    Store,
}

/// A running upstream; it ends when it is dropped.
pub(super) struct Upstream {
    _server: Server,
    addr: SocketAddr,
}

/// Held for its end.
enum Server {
    Process { _run: Running },
    Threads { _store: Box<Store> },
}

impl Upstream {
    pub(super) fn start(
        kind: Kind,
        folder: &Path,
        ca: &Ca,
        pair: &StaticPair,
    ) -> anyhow::Result<Upstream> {
        match kind {
            Kind::Origin => origin(folder, ca),
            Kind::Store => {
                let store = Store::start(StoreConfig {
                    tls: Some(ca),
                    static_pairs: vec![pair.clone()],
                    ..StoreConfig::new(folder.join("store"))
                })?;
                let addr = store.addr();
                Ok(Upstream { _server: Server::Threads { _store: Box::new(store) }, addr })
            }
        }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn url(&self) -> String {
        format!("https://{}", self.addr)
    }
}

fn origin(folder: &Path, ca: &Ca) -> anyhow::Result<Upstream> {
    let (certificate, key) = ca.server_files(folder)?;
    let port_file = folder.join("origin.port");
    let mut run = Spawn::new(places::own()?)
        .arg("origin")
        .arg("--certificate")
        .arg(&certificate)
        .arg("--key")
        .arg(&key)
        .arg("--port-file")
        .arg(&port_file)
        .start()?;
    run.wait_for_file(&port_file, START)?;
    let port = std::fs::read_to_string(&port_file)?.parse().context("the origin's port")?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Ok(Upstream { _server: Server::Process { _run: run }, addr })
}
