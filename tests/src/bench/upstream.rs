// SPDX-License-Identifier: Apache-2.0
//! The origin as a child process, so that its work is not counted as the client's.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use testbed::{Ca, Running, Spawn};

use super::places;

const START: Duration = Duration::from_secs(20);

/// A running origin; it is killed when it is dropped.
pub(super) struct Upstream {
    _run: Running,
    port: u16,
}

impl Upstream {
    pub(super) fn start(folder: &Path, ca: &Ca) -> anyhow::Result<Upstream> {
        Upstream::start_program(&places::own()?, folder, ca)
    }

    fn start_program(program: &Path, folder: &Path, ca: &Ca) -> anyhow::Result<Upstream> {
        let (certificate, key) = ca.server_files(folder)?;
        let port_file = folder.join("origin.port");
        let mut run = Spawn::new(program)
            .arg("origin")
            .arg("--certificate")
            .arg(&certificate)
            .arg("--key")
            .arg(&key)
            .arg("--port-file")
            .arg(&port_file)
            .start()?;
        run.wait_for_file(&port_file, START)?;
        let port = std::fs::read_to_string(&port_file)?;
        Ok(Upstream { _run: run, port: port.parse().context("the origin's port")? })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    pub(super) fn url(&self) -> String {
        format!("https://{}", self.addr())
    }
}
