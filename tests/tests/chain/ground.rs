// SPDX-License-Identifier: Apache-2.0
//! What a run finds: the store over TLS, whose credentials live seconds, their issuer, the control plane that
//! grants them, and the cluster's API server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stub_canopy::{Config, Stub, Tls};
use tempfile::TempDir;
use testbed::{Ca, FaultPlan, Front, FrontConfig, Issuer, IssuerConfig, Spawn, Store, StoreConfig};

use crate::api_server::ApiServer;
use crate::argv::Argv;
use crate::meter::Meter;
use crate::seed::Seed;
use crate::tool;

pub(crate) const REGION: &str = "us-east-1";
pub(crate) const BUCKET: &str = "bucket";
pub(crate) const GROUP: &str = "5a1e0000-0000-4000-8000-000000000002";
pub(crate) const TYPE: &str = "kopia";
pub(crate) const RUN: &str = "9e9e0000-0000-4000-8000-000000000007";
pub(crate) const NAMESPACE: &str = "restored";
pub(crate) const JOB: &str = "kopia-restore";

/// Sets that roll over while a restore runs.
pub(crate) const SECONDS: Duration = Duration::from_secs(4);
/// Longer than any story.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// How much the processes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logs {
    Usual,
    Trace,
}

/// Everything but the processes. All their files are in one folder.
pub(crate) struct Ground {
    pub(crate) seed: Arc<Seed>,
    pub(crate) argv: Argv,
    stub: Option<Stub>,
    control_plane: SocketAddr,
    pub(crate) api_server: ApiServer,
    pub(crate) issuer: Issuer,
    pub(crate) front: Front,
    pub(crate) meter: Meter,
    pub(crate) store: Store,
    pub(crate) ca: Ca,
    logs: Logs,
    pub(crate) folder: TempDir,
}

impl Ground {
    /// With sets that live so long.
    pub(crate) fn open(kopia: &Path, lifetime: Duration, logs: Logs) -> anyhow::Result<Ground> {
        let seed = Seed::take(kopia)?;
        let (ca, folder) = (Ca::new()?, tempfile::tempdir()?);
        let store = Store::start(StoreConfig::new(seed.objects()))?;
        let meter = Meter::start(store.http_addr())?;
        let front = FrontConfig { tls: Some(&ca), ..FrontConfig::new(meter.addr()) };
        let front = Front::start(front)?;
        let issuer = Issuer::start(IssuerConfig::new(store.keyring(), lifetime))?;
        let api_server = ApiServer::start()?;
        let control_plane = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let argv = Argv::watch();
        let mut ground = Ground {
            seed,
            argv,
            stub: None,
            control_plane,
            api_server,
            issuer,
            front,
            meter,
            store,
            ca,
            logs,
            folder,
        };
        ground.write_files()?;
        ground.raise_control_plane()?;
        Ok(ground)
    }

    fn write_files(&self) -> anyhow::Result<()> {
        self.ca.server_files(self.folder.path())?;
        self.ca.client_files(self.folder.path(), "device")?;
        std::fs::write(self.path("token"), &self.api_server.token)?;
        self.api_server.write_config(&self.path("kubeconfig"))?;
        std::fs::create_dir(self.path("shared"))?;
        Ok(())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Certificate and key of every server here.
    pub(crate) fn tls(&self) -> Tls {
        Tls { certificate: self.path("server.pem"), key: self.path("server.key") }
    }

    /// Starts the control plane, where it was before; it remembers nothing.
    pub(crate) fn raise_control_plane(&mut self) -> anyhow::Result<()> {
        let script = json!({
            "grants": [{"group": GROUP, "type": TYPE, "repo_password": self.seed.password}],
            "credentials": {"issuer": self.issuer.url()},
            "strict_ids": true,
        });
        let (listen, tls) = (self.control_plane, Some(self.tls()));
        let stub = Stub::start(Config { listen, tls, ..Config::new(script) })?;
        self.control_plane = stub.addr();
        self.stub = Some(stub);
        Ok(())
    }

    /// Its port refuses connections from here on.
    pub(crate) fn fell_control_plane(&mut self) {
        if let Some(stub) = self.stub.take() {
            stub.stop();
        }
    }

    /// The control plane, while it stands.
    pub(crate) fn stub(&self) -> &Stub {
        self.stub.as_ref().expect("the control plane stands")
    }

    pub(crate) fn control_plane(&self) -> SocketAddr {
        self.control_plane
    }

    pub(crate) fn control_plane_url(&self) -> String {
        format!("https://localhost:{}", self.control_plane.port())
    }

    /// One of our programs, to be started under a name. More flags may follow.
    pub(crate) fn program(&self, program: &str, name: &str) -> anyhow::Result<Spawn> {
        let command = Spawn::new(tool::ours(program)?)
            .clean_env()
            .arg("--termination-log")
            .arg(self.last_word(name))
            .arg("--outcome-file")
            .arg(self.path(&format!("{name}.outcome")));
        Ok(match self.logs {
            Logs::Usual => command,
            Logs::Trace => command.env("RUST_LOG", "trace"),
        })
    }

    /// The termination message of a process.
    pub(crate) fn last_word(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.last-word"))
    }

    /// For what, and as whom, the pod asks a broker.
    pub(crate) fn asks(&self) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        let (token, ca) = (path(&self.path("token")), path(self.ca.pem_path()));
        let flags = [
            ["--group", GROUP],
            ["--type", TYPE],
            ["--run-id", RUN],
            ["--broker-token-file", &token],
            ["--broker-ca", &ca],
        ];
        flags.concat().into_iter().map(str::to_owned).collect()
    }

    /// A line to the store on which a restore takes longer than what a story waits for.
    pub(crate) fn narrow(&self) {
        const BYTES_PER_SECOND: u64 = 700_000;
        self.front.plan(FaultPlan::none().throttled(BYTES_PER_SECOND));
    }

    pub(crate) fn widen(&self) {
        self.front.plan(FaultPlan::none());
    }
}
