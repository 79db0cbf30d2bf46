// SPDX-License-Identifier: Apache-2.0
//! Our proxy as a child process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use tempfile::TempDir;
use testbed::{Ca, Running, Spawn, StaticPair, Usage};

use super::places;
use super::request::{Caller, REGION};

const START: Duration = Duration::from_secs(20);
/// How closely the port file is watched: well below what a start takes.
const LOOK: Duration = Duration::from_micros(100);

/// A ready proxy; it is killed when it is dropped.
pub(super) struct Proxy {
    run: Running,
    addr: SocketAddr,
    caller: Caller,
    /// From before the start of the process until it was ready.
    pub(super) start: Duration,
    _folder: TempDir,
}

/// What a proxy is started with.
pub(super) struct ProxyConfig<'a> {
    /// The store's URL.
    pub(super) upstream: String,
    pub(super) ca: &'a Ca,
    /// The value of `--payload`.
    pub(super) payload: &'static str,
    /// What the store accepts.
    pub(super) pair: &'a StaticPair,
}

impl Proxy {
    pub(super) fn start(config: &ProxyConfig<'_>) -> anyhow::Result<Proxy> {
        let folder = tempfile::Builder::new().prefix("pilotfish-bench-proxy-").tempdir()?;
        let pair = StaticPair::random();
        let caller = Caller { id: pair.access_key_id, secret: pair.secret };
        let spawn = command(config, folder.path(), &caller)?;
        let port_file = folder.path().join("port");
        let begun = Instant::now();
        let mut run = spawn.start()?;
        while std::fs::metadata(&port_file).is_err() {
            let ended = run.exited();
            ensure!(ended.is_none(), "the proxy ended before it was ready\n{}", run.story());
            ensure!(begun.elapsed() < START, "the proxy is not ready\n{}", run.story());
            std::thread::sleep(LOOK);
        }
        let start = begun.elapsed();
        let port = std::fs::read_to_string(&port_file)?;
        let port: u16 = port.trim().parse().context("the proxy's port file")?;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Proxy { run, addr, caller, start, _folder: folder })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Who may call it.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(super) fn process(&self) -> u32 {
        self.run.id()
    }

    pub(super) fn usage(&self) -> anyhow::Result<Usage> {
        self.run.usage()
    }
}

fn command(config: &ProxyConfig<'_>, folder: &Path, caller: &Caller) -> anyhow::Result<Spawn> {
    let file = |name: &str, text: &str| -> anyhow::Result<PathBuf> {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    };
    let held = json!({
        "Version": 1,
        "AccessKeyId": config.pair.access_key_id,
        "SecretAccessKey": config.pair.secret,
    });
    let credentials = file("credentials.json", &held.to_string())?;
    let secret = file("caller.secret", &caller.secret)?;
    let spawn = Spawn::new(places::proxy()?)
        .clean_env()
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .args(["--region", REGION, "--upstream", &config.upstream, "--payload", config.payload])
        .args(["--credentials", &format!("file:{}", credentials.display())])
        .args(["--caller-access-key", &caller.id])
        .arg("--caller-secret-file")
        .arg(secret)
        .arg("--ca-bundle")
        .arg(config.ca.pem_path())
        .arg("--termination-log")
        .arg(folder.join("last-word"))
        .arg("--port-file")
        .arg(folder.join("port"));
    Ok(spawn)
}
