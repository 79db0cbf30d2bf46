// SPDX-License-Identifier: Apache-2.0
//! The real stats-post, as in a pod: it ends after the proxy.

use serde_json::Value;

use crate::ground::{Ground, JOB, NAMESPACE, RUN, TYPE};
use crate::process::Process;

/// One start of it.
pub(crate) struct Life<'a> {
    pub(crate) name: &'a str,
    /// The pod's uid: two attempts are two reports.
    pub(crate) attempt: &'a str,
    pub(crate) grace: &'a str,
    pub(crate) url: &'a str,
}

impl Life<'_> {
    /// The usual one, which has time.
    pub(crate) fn usual(url: &str) -> Life<'_> {
        Life { name: "post", attempt: "pod-1", grace: "60s", url }
    }

    /// Starts it, and waits until it watches.
    pub(crate) fn start(&self, ground: &Ground) -> anyhow::Result<Process> {
        let command = ground
            .program("stats-post", self.name)?
            .arg("--watch")
            .arg(ground.path("shared"))
            .arg("--spool-dir")
            .arg(ground.path("spool"))
            .args(["--url", self.url, "--progress-url", self.url, "--every", "250ms"])
            .args(["--run-id", RUN, "--attempt", self.attempt, "--type", TYPE])
            .args(["--namespace", NAMESPACE, "--job", JOB, "--grace", self.grace])
            .arg("--ca-bundle")
            .arg(ground.ca.pem_path());
        let mut process = Process::serve(ground, self.name, command)?;
        process.wait_for("watching")?;
        Ok(process)
    }
}

/// The bodies that the control plane took under a path.
fn taken(ground: &Ground, kind: &str) -> Vec<Value> {
    let path = format!("/api/v1/{kind}/{NAMESPACE}/{JOB}");
    let taken = ground.stub().captured().into_iter().filter(|post| post.path == path);
    taken.map(|post| post.body).collect()
}

/// The final reports that it took.
pub(crate) fn reports(ground: &Ground) -> Vec<Value> {
    taken(ground, "canopy-stats")
}

/// The samples of progress that it took.
pub(crate) fn samples(ground: &Ground) -> Vec<Value> {
    taken(ground, "canopy-progress")
}
