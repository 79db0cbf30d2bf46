// SPDX-License-Identifier: Apache-2.0
//! A stub under TLS, a device key, and clients that reach it by either way.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use canopy::{Client, ClientArgs, Config, wire};
use credential::Clock;
use flags::{Given, Problems};
use serde_json::{Value, json};
use stub_canopy::{Stub, Tls};
use tempfile::TempDir;
use testbed::Ca;

use crate::socks::Socks;

pub(crate) const GROUP: &str = "5a1e0000-0000-4000-8000-000000000002";
pub(crate) const RUN: &str = "9e9e0000-0000-4000-8000-000000000006";
/// A name that no resolver knows but the proxy's.
pub(crate) const TAILNET: &str = "canopy.tail1.ts.net";

pub(crate) struct Ground {
    pub(crate) stub: Stub,
    pub(crate) socks: Socks,
    pub(crate) dir: TempDir,
    ca: Ca,
}

/// Which ways a client has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Has {
    Public,
    Tailnet,
    Both,
}

impl Ground {
    pub(crate) fn new(script: Value) -> Self {
        let ca = Ca::new().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = ca.server_pem(&["localhost", TAILNET]).unwrap();
        let tls = Tls { certificate: dir.path().join("s.pem"), key: dir.path().join("s.key") };
        std::fs::write(&tls.certificate, certificate).unwrap();
        std::fs::write(&tls.key, key).unwrap();
        let stub = stub_canopy::Config { tls: Some(tls), ..stub_canopy::Config::new(script) };
        let stub = Stub::start(stub).unwrap();
        let socks = Socks::start(stub.addr());
        let ground = Self { stub, socks, dir, ca };
        ground.write_key();
        ground
    }

    /// A script that grants all that tests ask for.
    pub(crate) fn granted() -> Value {
        json!({
            "grants": [{"group": GROUP, "type": "t", "repo_password": "hush-password"}],
            "credentials": {"static": {
                "Version": 1, "AccessKeyId": "ASIAX", "SecretAccessKey": "hush-secret",
                "SessionToken": "hush-token", "Expiration": "2026-07-01T03:00:00Z",
            }},
            "backup_target": {"storage": "s3", "bucket": "b", "prefix": "", "region": "r",
                "repo_password": "hush-password"},
            "worklist": [],
            "strict_ids": true,
        })
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.dir.path().join("device.pem")
    }

    /// A new device key in the file.
    pub(crate) fn write_key(&self) {
        let key = rcgen::KeyPair::generate().unwrap();
        std::fs::write(self.key_file(), key.serialize_pem()).unwrap();
    }

    pub(crate) fn config(&self, has: Has) -> Config {
        let url = |url: String| Some(Given::Good(url.parse().unwrap()));
        let (public, tailnet) = (url(self.stub.url()), url(format!("https://{TAILNET}")));
        let args = ClientArgs {
            canopy_url: public.filter(|_| has != Has::Tailnet),
            canopy_tailnet_url: tailnet.filter(|_| has != Has::Public),
            canopy_socks5: url(self.socks.url()).filter(|_| has != Has::Public),
            canopy_device_key: Some(self.key_file()),
            canopy_ca_bundle: Some(self.ca.pem_path().to_owned()),
        };
        let mut problems = Problems::new("canopy");
        let config = args.resolve(None, &mut problems);
        assert!(problems.is_empty(), "{}", problems.sentence());
        config.unwrap()
    }

    pub(crate) fn client(&self, has: Has) -> Client {
        Client::open(self.config(has)).unwrap()
    }

    /// A client with a clock of its own.
    pub(crate) fn timed(&self, has: Has, clock: &Standing) -> Client {
        Client::open(self.config(has).with_clock(Arc::new(clock.clone()))).unwrap()
    }

    /// The requests so far, as `WAY PATH STATUS`.
    pub(crate) fn heard(&self) -> Vec<String> {
        let line = |heard: stub_canopy::Heard| {
            let way = match heard.way {
                stub_canopy::Way::Direct => "direct",
                stub_canopy::Way::Tailnet => "tailnet",
            };
            let status = heard.status.map_or_else(|| "reset".to_owned(), |it| it.to_string());
            format!("{way} {} {status}", heard.path)
        };
        self.stub.heard().into_iter().map(line).collect()
    }

    /// Puts faults into a script that grants everything.
    pub(crate) fn set_faults(&self, faults: Value) {
        let mut script = Self::granted();
        script["faults"] = faults;
        self.stub.set(script).unwrap();
    }
}

/// A clock that stands until it is set.
#[derive(Clone)]
pub(crate) struct Standing(Arc<Mutex<SystemTime>>);

impl Standing {
    pub(crate) fn at(time: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    pub(crate) fn set(&self, time: SystemTime) {
        *self.0.lock().unwrap() = time;
    }
}

impl Clock for Standing {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

pub(crate) fn ask() -> wire::RestoreCredentialsRequest {
    wire::RestoreCredentialsRequest {
        group: GROUP.to_owned(),
        type_: "t".to_owned(),
        run_id: Some(RUN.to_owned()),
    }
}

pub(crate) fn progress() -> wire::BackupProgress {
    let (run_id, type_) = (RUN.to_owned(), "t".to_owned());
    wire::BackupProgress { run_id, type_, ..wire::BackupProgress::default() }
}

pub(crate) fn report() -> wire::BackupReport {
    wire::BackupReport::new(RUN, "t", wire::Purpose::Backup, wire::Outcome::Success)
}

pub(crate) fn verification() -> wire::RestoreVerification {
    wire::RestoreVerification {
        replica_id: None,
        run_id: Some(RUN.to_owned()),
        group: GROUP.to_owned(),
        server_id: GROUP.to_owned(),
        type_: "t".to_owned(),
        intent: "verify".to_owned(),
        snapshot_id: None,
        outcome: wire::Outcome::Success,
        replica_healthy: true,
        error: None,
        postgres_version: None,
        observed_at: "2026-07-01T02:40:00Z".parse().unwrap(),
        traffic: wire::Traffic::default(),
        health_details: None,
        migration: None,
    }
}
