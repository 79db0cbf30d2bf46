// SPDX-License-Identifier: Apache-2.0
//! The real binary, started as a pod would start it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use testbed::{Ca, RawResponse, Running, Spawn, exchange};

use crate::client::{Client, REGION};

/// How long anything may take that should take a moment.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The pair of [`Setup::fixed_pair`].
pub(crate) const FIXED: (&str, &str) = ("FIXEDID", "fixed/secret+of=the-callers");

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_s3-resign-proxy"))
}

/// The flags of a proxy to be. Clones share the folder of its files: a clone that starts later is
/// a restart.
#[derive(Clone)]
pub(crate) struct Setup {
    args: Vec<OsString>,
    dir: Arc<TempDir>,
}

/// A running proxy; it is killed when it is dropped.
pub(crate) struct Proxy {
    pub(crate) run: Running,
    pub(crate) port: u16,
    pub(crate) admin: SocketAddr,
    dir: Arc<TempDir>,
}

impl Setup {
    /// A proxy to this store, with credentials from there.
    pub(crate) fn new(upstream: &str, credentials: &str) -> Setup {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let at = |name: &str| dir.path().join(name).into_os_string();
        let mut args: Vec<OsString> = Vec::new();
        for (flag, value) in [
            ("--upstream", upstream.into()),
            ("--credentials", credentials.into()),
            ("--region", REGION.into()),
            ("--listen", "localhost:0".into()),
            ("--port-file", at("port")),
            ("--caller-env-file", at("caller.env")),
            ("--stats-file", at("stats.json")),
            ("--termination-log", at("termination")),
        ] {
            args.extend([flag.into(), value]);
        }
        Setup { args, dir }
    }

    pub(crate) fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Setup {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn trusting(self, ca: &Ca) -> Setup {
        self.args(["--ca-bundle".into(), ca.pem_path().as_os_str().to_owned()])
    }

    /// Callers sign with [`FIXED`], which they know before the proxy is ready.
    pub(crate) fn fixed_pair(self) -> Setup {
        let secret = self.path("caller.secret");
        std::fs::write(&secret, FIXED.1).unwrap();
        self.args(["--caller-access-key", FIXED.0, "--caller-secret-file"]).args([secret])
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The process as it starts, without waiting for anything.
    pub(crate) fn spawn(&self) -> (Running, SocketAddr) {
        let admin = free_address();
        let run = Spawn::new(binary())
            .clean_env()
            .args(&self.args)
            .args(["--admin-listen", &admin.to_string()])
            .start();
        (run.unwrap(), admin)
    }

    /// Starts and waits until it listens; it may have no credentials yet.
    pub(crate) fn start(&self) -> Proxy {
        loop {
            let (mut run, admin) = self.spawn();
            let listens =
                run.wait_until(SOON, "the proxy listens", |run| listening_port(run).is_some());
            // Another test may have been given the same free port.
            if listens.is_err() && run.stdout().contains(&format!("{admin}: cannot bind")) {
                continue;
            }
            listens.unwrap();
            let port = listening_port(&run).unwrap();
            return Proxy { run, port, admin, dir: Arc::clone(&self.dir) };
        }
    }

    /// Starts and waits until it is ready.
    pub(crate) fn ready(&self) -> Proxy {
        let mut proxy = self.start();
        proxy.wait_ready();
        proxy
    }
}

impl Proxy {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Ready by its own word: a kept port file of an earlier run is none.
    pub(crate) fn wait_ready(&mut self) {
        let admin = self.admin;
        let is_ready = |_: &Running| get(admin, "/readyz").is_some_and(|it| it.head.status == 200);
        self.run.wait_until(SOON, "the proxy is ready", is_ready).unwrap();
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// What the proxy wrote for its neighbour.
    pub(crate) fn env_file(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.path("caller.env")).unwrap();
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// A caller with the pair from the env file.
    pub(crate) fn client(&self) -> Client {
        let env = self.env_file();
        self.client_with(&env["AWS_ACCESS_KEY_ID"], &env["AWS_SECRET_ACCESS_KEY"])
    }

    pub(crate) fn client_with(&self, id: &str, secret: &str) -> Client {
        Client {
            addr: self.addr(),
            host: format!("localhost:{}", self.port),
            id: id.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// Asks the admin listener.
    pub(crate) fn ask(&self, path: &str) -> RawResponse {
        get(self.admin, path).unwrap()
    }

    /// The tallies of `/stats`.
    pub(crate) fn stats(&self) -> serde_json::Value {
        serde_json::from_slice(&self.ask("/stats").body).unwrap()
    }

    /// One metric's value; labels as they stand in the text.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = self.ask("/metrics").text();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Runs `s3-resign-proxy probe` against this one: exit code and what it said.
    pub(crate) fn probe(&self) -> (i32, String) {
        let admin = self.admin.to_string();
        let run = Spawn::new(binary()).clean_env().args(["probe", "--admin-listen", &admin]);
        let mut run = run.start().unwrap();
        let code = run.wait(SOON).unwrap().code().unwrap();
        (code, run.stdout() + &run.stderr())
    }

    /// Asks it to stop, and returns its exit code.
    pub(crate) fn stop(&mut self) -> i32 {
        self.run.terminate().unwrap();
        self.run.wait(SOON).unwrap().code().unwrap()
    }
}

fn get(at: SocketAddr, path: &str) -> Option<RawResponse> {
    exchange(at, format!("GET {path} HTTP/1.1\r\nhost: admin\r\n\r\n").as_bytes()).ok()
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The port in the log line that says where it listens.
fn listening_port(run: &Running) -> Option<u16> {
    let log = run.stdout();
    let line = log.lines().find(|line| line.contains("\"listening\""))?;
    let (_, rest) = line.split_once("\"endpoint\":\"http://")?;
    let (authority, _) = rest.split_once('"')?;
    authority.rsplit(':').next()?.parse().ok()
}
