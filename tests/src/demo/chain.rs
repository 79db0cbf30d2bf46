// SPDX-License-Identifier: Apache-2.0
//! The way that credentials come and reports go: a control plane, our broker before it, and the companion that
//! tells it what the proxy moved.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use stub_canopy::{Config, Stub};
use testbed::{Issuer, RawResponse, Running, Spawn, exchange, wait_until};

use super::places;
use super::proxy::free_address;
use super::rows::{Goal, Rows};

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(30);
/// Whose credentials they are, and for what.
pub(super) const GROUP: &str = "demo";
pub(super) const TYPE: &str = "kopia";
/// The path that the restore operator hears a Job's final tallies at.
const FINAL: &str = "/api/v1/canopy-stats/demo/kopia";
const PROGRESS: &str = "/api/v1/canopy-progress/demo/kopia";

/// All three, running. Fields end in this order: first who calls, last who is called.
pub(super) struct Chain {
    reporter: Running,
    broker: Running,
    listen: SocketAddr,
    admin: SocketAddr,
    stub: Stub,
    shared: PathBuf,
}

/// What was seen of it.
pub(super) struct Told {
    grants: u64,
    issued: u64,
    progress: usize,
    reports: Vec<Value>,
    tallies: Value,
}

impl Chain {
    /// Starts them over an issuer of the store's credentials; files are shared in `folder`.
    pub(super) fn start(folder: &Path, issuer: &Issuer) -> anyhow::Result<Chain> {
        let shared = folder.join("shared");
        std::fs::create_dir_all(&shared)?;
        let stub = Stub::start(Config::new(json!({
            "grants": [{"group": GROUP, "type": TYPE}],
            "credentials": {"issuer": issuer.url()},
        })))?;
        let [listen, admin, reporters] = [free_address()?, free_address()?, free_address()?];
        let broker = broker(&stub, listen, admin, folder)?;
        let reporter = reporter(&stub, reporters, &shared, folder)?;
        let chain = Chain { reporter, broker, listen, admin, stub, shared };
        let is_ready = || ask(chain.listen, "/readyz").is_ok_and(|it| it.head.status == 200);
        wait_until(START, "the broker is ready", is_ready).with_context(|| chain.broker.story())?;
        Ok(chain)
    }

    /// The broker's base URL.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Where the proxy must keep its tallies.
    pub(super) fn tallies(&self) -> PathBuf {
        self.shared.join("s3-resign-proxy.json")
    }

    /// Ends them as a pod does, once the proxy has ended: who reports first, and it must succeed.
    pub(super) fn close(mut self) -> anyhow::Result<Told> {
        end(&mut self.reporter, "stats-post")?;
        let stats: Value = serde_json::from_str(&ask(self.admin, "/stats")?.text())?;
        end(&mut self.broker, "credential-broker")?;
        let captured = self.stub.captured();
        let at = |path: &str| -> Vec<Value> {
            let posts = captured.iter().filter(|it| it.path == path);
            posts.map(|it| it.body.clone()).collect()
        };
        let sum = |value: &Value| -> u64 {
            value
                .as_object()
                .into_iter()
                .flat_map(|all| all.values())
                .filter_map(Value::as_u64)
                .sum()
        };
        Ok(Told {
            grants: sum(&stats["grants"]),
            issued: self.stub.issued().iter().map(|it| it.count).sum(),
            progress: at(PROGRESS).len(),
            reports: at(FINAL),
            tallies: serde_json::from_slice(&std::fs::read(self.tallies())?)?,
        })
    }
}

impl Told {
    pub(super) fn rows(&self, rows: &mut Rows) {
        rows.add("credentials granted by the broker", self.grants, Goal::AtLeast(1));
        rows.add("sets issued by the control plane", self.issued, Goal::AtLeast(1));
        rows.add("progress reports at the control plane", self.progress, Goal::AtLeast(1));
        rows.add("final reports at the control plane", self.reports.len(), Goal::Exactly(1));
        let is_same = self.reports.first() == Some(&self.tallies);
        let verdict = if is_same { "yes" } else { "other tallies" };
        rows.add("final report as the proxy counted", verdict, Goal::Yes);
    }
}

fn broker(
    stub: &Stub,
    listen: SocketAddr,
    admin: SocketAddr,
    folder: &Path,
) -> anyhow::Result<Running> {
    Spawn::new(places::ours("credential-broker")?)
        .clean_env()
        .args(["--listen", &listen.to_string(), "--admin-listen", &admin.to_string()])
        .args(["--issuer", &format!("canopy:{}", stub.url()), "--allow-anonymous"])
        .arg("--termination-log")
        .arg(folder.join("broker-last-word"))
        .start()
}

fn reporter(
    stub: &Stub,
    admin: SocketAddr,
    shared: &Path,
    folder: &Path,
) -> anyhow::Result<Running> {
    Spawn::new(places::ours("stats-post")?)
        .clean_env()
        .arg("--watch")
        .arg(shared)
        .arg("--spool-dir")
        .arg(shared)
        .args(["--url", &stub.url(), "--progress-url", &stub.url(), "--every", "5s"])
        .args(["--form", "canopy-stats", "--namespace", "demo", "--job", "kopia"])
        .args([
            "--run-id",
            "9e9e0000-0000-4000-8000-000000000001",
            "--group",
            GROUP,
            "--type",
            TYPE,
        ])
        .args(["--admin-listen", &admin.to_string()])
        .arg("--termination-log")
        .arg(folder.join("reporter-last-word"))
        .start()
}

fn ask(at: SocketAddr, path: &str) -> std::io::Result<RawResponse> {
    exchange(at, format!("GET {path} HTTP/1.1\r\nhost: demo\r\n\r\n").as_bytes())
}

fn end(run: &mut Running, name: &str) -> anyhow::Result<()> {
    run.terminate()?;
    let status = run.wait(STOP)?;
    ensure!(status.success(), "{name} ended with {status}\n{}", run.story());
    Ok(())
}
