// SPDX-License-Identifier: Apache-2.0
//! A real etcd on loopback, for as long as it takes to ask it something.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use sidecar::{Exit, Failure};
use tokio::time::{Instant, sleep};

use crate::prove::{http, said};

/// The member's name. Whoever restores for a proof uses it.
pub(crate) const NAME: &str = "proof";
/// Where the restored member thinks its peers reach it. Nothing listens there: it has no peers.
pub(crate) const PEER_URL: &str = "http://127.0.0.1:2380";

/// Another process can take a port between its choice and its use.
const STARTS: usize = 5;
const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_millis(500);
/// How long it may take to end in order.
const ENDING: Duration = Duration::from_secs(30);

/// A started etcd. Dropped, it is killed and reaped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    client: SocketAddr,
    peer: SocketAddr,
    pub(crate) version: Version,
}

/// What a server says of its version.
#[derive(Debug, Default, Clone, Deserialize)]
pub(crate) struct Version {
    /// Its release.
    #[serde(rename = "etcdserver")]
    pub(crate) server: String,
}

/// Starts an etcd of one voter on restored data, and waits until it serves through its own quorum.
///
/// # Errors
/// [`Exit::Usage`] for a program that cannot be run; [`Exit::Corrupt`] for one that ends by itself;
/// [`Exit::Unavailable`] for one that is killed, or not ready in time; [`Exit::Temporary`] for a full disk.
pub(crate) async fn boot(
    etcd: &Path,
    data_dir: &Path,
    log: &Path,
    within: Duration,
) -> anyhow::Result<Server> {
    let until = Instant::now() + within;
    let mut starts = 1;
    loop {
        let mut server = Server::start(etcd, data_dir, log)?;
        match server.ready(until, within).await {
            Ok(()) => return Ok(server),
            Err(_) if starts < STARTS && said::is_port_taken(log) => starts += 1,
            Err(error) => return Err(error),
        }
    }
}

impl Server {
    fn start(etcd: &Path, data_dir: &Path, log: &Path) -> anyhow::Result<Self> {
        let [client, peer] = free_ports()?;
        let (clients, peers) = (format!("http://{client}"), format!("http://{peer}"));
        let output = File::create(log).with_context(|| log.display().to_string());
        let output = output.map_err(|error| Failure::new(Exit::Temporary, error))?;
        let mut command = Command::new(etcd);
        // The pod's ETCD_ variables are for the real member.
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.args(["--name", NAME, "--data-dir"]).arg(data_dir);
        command.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
        command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", PEER_URL]);
        command.args(["--initial-cluster", &format!("{NAME}={PEER_URL}")]);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let child = command.spawn().with_context(|| format!("{} does not start", etcd.display()));
        let child = child.map_err(|error| Failure::new(Exit::Usage, error))?;
        let version = Version::default();
        Ok(Self { child, log: log.to_owned(), client, peer, version })
    }

    /// Its address for clients.
    pub(crate) fn client(&self) -> String {
        format!("http://{}", self.client)
    }

    /// Its address for other members.
    pub(crate) fn peer(&self) -> String {
        format!("http://{}", self.peer)
    }

    /// The client listener answers only once the member has published itself through the quorum.
    async fn ready(&mut self, until: Instant, within: Duration) -> anyhow::Result<()> {
        let url = format!("{}/version", self.client());
        let mut pause = SHORTEST;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.ended(status));
            }
            match http::get::<Version>(&url, None).await {
                Ok(version) => {
                    self.version = version;
                    return Ok(());
                }
                Err(_) if Instant::now() < until => sleep(pause).await,
                Err(error) => {
                    let last = said::last_words(&self.log);
                    let why = anyhow!("etcd is not ready after {within:?}: {error:#}; {last}");
                    return Err(Failure::new(Exit::Unavailable, why));
                }
            }
            pause = (pause * 2).min(LONGEST);
        }
    }

    /// That it still runs: an answer that failed may have failed because it does not.
    ///
    /// # Errors
    /// As of [`boot`].
    pub(crate) fn lives(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.ended(status)),
        }
    }

    fn ended(&self, status: ExitStatus) -> anyhow::Error {
        let last = said::last_words(&self.log);
        let exit = match status.signal() {
            _ if said::is_disk_full(&self.log) => Exit::Temporary,
            // By the kernel for want of memory, or by somebody: that says nothing of the data.
            Some(9 | 15) => Exit::Unavailable,
            _ => Exit::Corrupt,
        };
        Failure::new(exit, anyhow!("etcd ended by itself ({status}): {last}"))
    }

    /// Ends it in order, so that its database is whole on the disk; one that does not end is killed.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let id = id.context("a child has a process id above zero")?;
        if self.child.try_wait()?.is_none() {
            kill_process(id, Signal::TERM)?;
        }
        let until = Instant::now() + ENDING;
        while self.child.try_wait()?.is_none() && Instant::now() < until {
            sleep(SHORTEST).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is as good.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Two ports of loopback that are free now.
fn free_ports() -> anyhow::Result<[SocketAddr; 2]> {
    let any = (Ipv4Addr::LOCALHOST, 0);
    // Both are held until both are chosen, so that they differ.
    let (one, other) = (TcpListener::bind(any)?, TcpListener::bind(any)?);
    Ok([one.local_addr()?, other.local_addr()?])
}
