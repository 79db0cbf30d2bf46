// SPDX-License-Identifier: Apache-2.0
//! The control plane is down for a whole run.

use std::path::Path;

use anyhow::ensure;

use crate::broker::Broker;
use crate::counts::{Tallies, check_report};
use crate::ground::{Ground, HOUR, Logs, RUN};
use crate::kopia;
use crate::pod::Connected;
use crate::post::{Life, reports};
use crate::process::{Process, SOON};
use crate::proxy::Proxy;

/// What the broker holds lasts, and the report waits.
pub(crate) fn outlived(kopia: &Path) -> anyhow::Result<()> {
    let mut ground = Ground::open(kopia, HOUR, Logs::Usual)?;
    let broker = Broker::start(&ground)?;
    let url = ground.control_plane_url();
    let impatient = Life { name: "impatient", attempt: "pod-2", grace: "1s", url: &url };
    let mut unheard = impatient.start(&ground)?;
    let connected = Connected::start(&ground, &broker, &Life::usual(&url), kopia)?;
    ground.fell_control_plane();
    let mut pod = connected.restore(&ground, kopia)?;
    pod.restores(&ground)?;
    pod.proxy.process.stop_well()?;
    is_kept(&ground, &mut unheard)?;
    pod.post.run.terminate()?;
    pod.post.wait_for("the report is not delivered yet")?;
    ground.raise_control_plane()?;
    pod.post.end_well()?;
    let reported = check_report(&ground)?;
    is_delivered_later(&ground, &Life { name: "later", grace: "60s", ..impatient }, reported)?;
    println!("restored without a control plane; the broker: {}", broker.stats());
    Ok(())
}

/// A report that nobody took is in the spool and in the termination message, and fails nothing but itself.
fn is_kept(ground: &Ground, unheard: &mut Process) -> anyhow::Result<()> {
    let ended = unheard.stop()?;
    ensure!(ended.code == 2, "{ended:?}");
    let moved = ground.store.counts().sent_bytes.to_string();
    for word in ["it is kept in", RUN, "received_payload_bytes", &moved] {
        ensure!(ended.last_word.contains(word), "no {word:?} in {}", ended.last_word);
    }
    Ok(())
}

/// The next start of the same attempt finds it.
fn is_delivered_later(ground: &Ground, life: &Life<'_>, reported: Tallies) -> anyhow::Result<()> {
    let mut later = life.start(ground)?;
    later.wait_for("the report of an earlier start is delivered")?;
    later.stop_well()?;
    let reports = reports(ground);
    ensure!(reports.len() == 2, "of two attempts: {reports:?}");
    ensure!(Tallies::of(&reports[1])? == reported, "of one run: {reports:?}");
    Ok(())
}

/// Whoever begins then gets nothing, and begins when it is back.
pub(crate) fn awaited(kopia: &Path) -> anyhow::Result<()> {
    let mut ground = Ground::open(kopia, HOUR, Logs::Usual)?;
    ground.fell_control_plane();
    let broker = Broker::start(&ground)?;
    let proxy = Proxy::start(&ground, &broker.url())?;
    let password = ground.path("password");
    let command = ground
        .program("run-with", "in-vain")?
        .args(["--wait-timeout", "2s", "--broker", &broker.url()])
        .args(ground.asks())
        .arg("--repo-password-file")
        .arg(&password)
        .args(["--", "true"]);
    let ended = Process::start(&ground, "in-vain", command)?.end()?;
    ensure!(ended.code == 69, "{ended:?}");
    println!("run-with: {}", ended.last_word.lines().next().unwrap_or_default());
    ensure!(!password.exists() && !proxy.port_file().exists(), "nobody has anything");
    let refused = broker.audit();
    ensure!(!refused.is_empty(), "the broker was asked");
    ensure!(refused.iter().all(|line| line["verdict"] == "refused"), "{refused:?}");
    ground.raise_control_plane()?;
    let mut proxy = proxy;
    let port = proxy.port_file();
    proxy.process.run.wait_for_file(&port, SOON)?;
    kopia::connect(&ground, &broker.url(), &proxy, kopia)?.end_well()?;
    println!("and when it is back: {}", broker.stats());
    Ok(())
}
