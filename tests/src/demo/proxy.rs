// SPDX-License-Identifier: Apache-2.0
//! The real proxy as a child process, and what its neighbour reads from its files.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use testbed::{Ca, RawResponse, Running, Spawn, Store, exchange};

use super::chain::{GROUP, TYPE};
use super::places;

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(30);

/// The region that everybody signs for.
pub(super) const REGION: &str = "us-east-1";

/// A ready proxy; it is killed when it is dropped.
pub(super) struct Proxy {
    run: Running,
    admin: SocketAddr,
    caller: BTreeMap<String, String>,
}

impl Proxy {
    /// Starts it with the broker form of credentials and waits until it holds some. Its tallies go to
    /// that file.
    pub(super) fn start(
        folder: &Path,
        store: &Store,
        broker: &str,
        tallies: &Path,
        ca: &Ca,
    ) -> anyhow::Result<Proxy> {
        std::fs::create_dir_all(folder)?;
        let admin = free_address().context("a free port for the proxy's admin listener")?;
        let (port, env) = (folder.join("port"), folder.join("caller.env"));
        let mut run = Spawn::new(places::ours("s3-resign-proxy")?)
            .clean_env()
            .args(["--listen", "localhost:0", "--region", REGION, "--group", GROUP])
            .args(["--type", TYPE, "--upstream", &store.url()])
            .args(["--credentials", &format!("broker:{broker}")])
            .arg("--stats-file")
            .arg(tallies)
            .args(["--admin-listen", &admin.to_string()])
            .arg("--ca-bundle")
            .arg(ca.pem_path())
            .arg("--caller-env-file")
            .arg(&env)
            .arg("--port-file")
            .arg(&port)
            .arg("--termination-log")
            .arg(folder.join("last-word"))
            .start()?;
        // The port file comes last, once credentials are held.
        run.wait_for_file(&port, START)?;
        let text = std::fs::read_to_string(&env).context("the proxy's caller file")?;
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let caller = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Proxy { run, admin, caller })
    }

    /// All that the callers' file says.
    pub(super) fn caller_env(&self) -> &BTreeMap<String, String> {
        &self.caller
    }

    /// A variable of the callers' file.
    pub(super) fn caller(&self, name: &str) -> anyhow::Result<&str> {
        let value = self.caller.get(name).map(String::as_str);
        value.with_context(|| format!("the proxy's caller file has no {name}"))
    }

    /// Asks the admin listener.
    pub(super) fn ask(&self, path: &str) -> std::io::Result<RawResponse> {
        exchange(self.admin, format!("GET {path} HTTP/1.1\r\nhost: admin\r\n\r\n").as_bytes())
    }

    /// Asks it to stop, which it must do in good order.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        self.run.terminate()?;
        let status = self.run.wait(STOP)?;
        ensure!(status.success(), "the proxy ended with {status}\n{}", self.run.story());
        Ok(())
    }
}

/// Free a moment ago; if somebody else is faster, the proxy says so.
pub(super) fn free_address() -> std::io::Result<SocketAddr> {
    let loopback = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];
    TcpListener::bind(&loopback.map(|ip| SocketAddr::new(ip, 0))[..])?.local_addr()
}
