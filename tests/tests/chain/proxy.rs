// SPDX-License-Identifier: Apache-2.0
//! The real proxy, as in a pod that restores.

use std::path::PathBuf;

use crate::ground::{BUCKET, Ground, REGION};
use crate::process::{Process, SOON};

pub(crate) struct Proxy {
    pub(crate) process: Process,
    folder: PathBuf,
}

impl Proxy {
    /// Starts one that asks this broker; it may never be ready.
    pub(crate) fn start(ground: &Ground, broker: &str) -> anyhow::Result<Proxy> {
        let folder = ground.folder.path().to_owned();
        let command = ground
            .program("s3-resign-proxy", "proxy")?
            .args(["--listen", "localhost:0", "--mode", "read-only", "--bucket", BUCKET])
            .args(["--region", REGION, "--upstream", &ground.front.url(), "--ca-bundle"])
            .arg(ground.ca.pem_path())
            .args(["--credentials", &format!("broker:{broker}")])
            .args(ground.asks())
            .arg("--port-file")
            .arg(folder.join("port"))
            .arg("--caller-env-file")
            .arg(folder.join("caller.env"))
            .arg("--stats-file")
            .arg(folder.join("shared/proxy.json"));
        Ok(Proxy { process: Process::serve(ground, "proxy", command)?, folder })
    }

    /// Starts one, and waits until it holds credentials.
    pub(crate) fn ready(ground: &Ground, broker: &str) -> anyhow::Result<Proxy> {
        let mut proxy = Proxy::start(ground, broker)?;
        let port = proxy.port_file();
        proxy.process.run.wait_for_file(&port, SOON)?;
        Ok(proxy)
    }

    /// It is written when the proxy is ready.
    pub(crate) fn port_file(&self) -> PathBuf {
        self.folder.join("port")
    }

    pub(crate) fn pair_file(&self) -> PathBuf {
        self.folder.join("caller.env")
    }

    /// As kopia wants it.
    pub(crate) fn endpoint(&self) -> anyhow::Result<String> {
        let port = std::fs::read_to_string(self.port_file())?;
        Ok(format!("localhost:{}", port.trim()))
    }
}
