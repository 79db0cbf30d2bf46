// SPDX-License-Identifier: Apache-2.0
//! The real broker, over TLS, which asks the API server who its callers are.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use serde_json::Value;

use crate::api_server::AUDIENCE;
use crate::ground::Ground;
use crate::process::Process;

pub(crate) struct Broker {
    pub(crate) process: Process,
    addr: SocketAddr,
}

impl Broker {
    pub(crate) fn start(ground: &Ground) -> anyhow::Result<Broker> {
        Broker::at(ground, "broker", (Ipv4Addr::LOCALHOST, 0).into())
    }

    /// Another one in the place of this one, which knows nothing of it.
    pub(crate) fn again(self, ground: &Ground) -> anyhow::Result<Broker> {
        let Broker { mut process, addr } = self;
        process.stop_well()?;
        Broker::at(ground, "broker-2", addr)
    }

    fn at(ground: &Ground, name: &str, listen: SocketAddr) -> anyhow::Result<Broker> {
        let tls = ground.tls();
        let command = ground
            .program("credential-broker", name)?
            .args(["--listen", &listen.to_string(), "--audience", AUDIENCE])
            .args(["--issuer", &format!("canopy:{}", ground.control_plane_url())])
            .arg("--canopy-device-key")
            .arg(ground.path("device.key"))
            .arg("--canopy-ca-bundle")
            .arg(ground.ca.pem_path())
            .arg("--tls-cert")
            .arg(tls.certificate)
            .arg("--tls-key")
            .arg(tls.key)
            .arg("--kube-config")
            .arg(ground.path("kubeconfig"));
        let mut process = Process::serve(ground, name, command)?;
        let line = process.wait_for("listening")?;
        let addr = line["address"].as_str().and_then(|addr| addr.parse().ok());
        Ok(Broker { process, addr: addr.context("the broker's address")? })
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.addr.port())
    }

    /// Its audit so far: each verdict, by whom the set came.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let log = self.process.run.stdout();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["target"] == "audit").collect()
    }

    /// Its figures so far.
    pub(crate) fn stats(&self) -> Value {
        let answer = self.process.admin("/stats");
        serde_json::from_str(&answer).unwrap_or_default()
    }
}
