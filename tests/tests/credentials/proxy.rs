// SPDX-License-Identifier: Apache-2.0
//! The real proxy between kopia, a broker and the store.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use testbed::{RawResponse, Running, Spawn, exchange};

use crate::ask::signed_get;
use crate::bed::{BUCKET, Bed, REGION};
use crate::kopia::{Kopia, Repository};
use crate::tool;

/// How long anything may take that should take moments.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// The callers' pair, which they know before the proxy is ready.
const PAIR: (&str, &str) = ("CALLER", "the/callers+secret");

/// A running proxy; it is killed when it is dropped.
pub(crate) struct Proxy {
    run: Running,
    admin: SocketAddr,
    at: SocketAddr,
    home: PathBuf,
}

impl Proxy {
    /// Starts one between this broker and this store; it may have no credentials yet.
    pub(crate) fn start(bed: &Bed, name: &str, broker: &str, store: &str) -> anyhow::Result<Proxy> {
        let home = bed.path(name);
        std::fs::create_dir_all(&home)?;
        let secret = home.join("secret");
        std::fs::write(&secret, PAIR.1)?;
        let admin = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut run = Spawn::new(tool::ours("s3-resign-proxy")?)
            .clean_env()
            .args(["--listen", "localhost:0", "--region", REGION, "--upstream", store])
            .args([
                "--admin-listen",
                &admin.to_string(),
                "--credentials",
                &format!("broker:{broker}"),
            ])
            .args(["--group", "g", "--type", "t", "--caller-access-key", PAIR.0])
            .arg("--caller-secret-file")
            .arg(&secret)
            .arg("--ca-bundle")
            .arg(bed.ca.pem_path())
            .start()?;
        run.wait_until(SOON, "the proxy listens", |run| port(run).is_some())?;
        let port = port(&run).context("the proxy's port")?;
        Ok(Proxy { run, admin, at: (Ipv4Addr::LOCALHOST, port).into(), home })
    }

    /// A kopia of its own that knows this proxy.
    pub(crate) fn kopia(&self, program: &Path) -> anyhow::Result<Kopia> {
        let (access_key_id, secret) = (PAIR.0.to_owned(), PAIR.1.to_owned());
        let endpoint = format!("localhost:{}", self.at.port());
        Kopia::new(program, self.home.clone(), Repository { endpoint, access_key_id, secret })
    }

    /// What it answers a caller that reads an object.
    pub(crate) fn answer(&self) -> anyhow::Result<RawResponse> {
        signed_get(self.at, &format!("/{BUCKET}/kopia.repository"), PAIR)
    }

    /// One of its metrics.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let request = b"GET /metrics HTTP/1.1\r\nhost: admin\r\n\r\n";
        let text = exchange(self.admin, request).map(|answer| answer.text()).unwrap_or_default();
        let name = format!("s3_resign_proxy_{name} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&name));
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// A path in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// Waits until it holds credentials.
    pub(crate) fn is_ready(&self) -> anyhow::Result<()> {
        let valid = || self.metric("credential_valid") == 1;
        testbed::wait_until(SOON, "the proxy holds credentials", valid)
            .with_context(|| self.story())
    }

    /// Waits until the caller was asked to try again so often.
    pub(crate) fn slowed(&self, times: u64) -> anyhow::Result<()> {
        testbed::wait_until(SOON, "the caller tries again", || {
            self.metric("slowdowns_total") >= times
        })
        .with_context(|| self.story())
    }

    pub(crate) fn story(&self) -> String {
        self.run.story()
    }
}

/// The port in the log line that says where it listens.
fn port(run: &Running) -> Option<u16> {
    let log = run.stdout();
    let line = log.lines().find(|line| line.contains("\"listening\""))?;
    let (_, rest) = line.split_once("\"endpoint\":\"http://")?;
    rest.split_once('"')?.0.rsplit(':').next()?.parse().ok()
}
