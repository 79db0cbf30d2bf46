// SPDX-License-Identifier: Apache-2.0
//! The whole chain with every log at trace level, and a search for what nobody may read there.

use std::path::Path;

use anyhow::{Context, ensure};
use testbed::Spawn;

use crate::api_server::BROKERS;
use crate::broker::Broker;
use crate::counts::check_report;
use crate::ground::{Ground, Logs, SECONDS};
use crate::pod::Pod;
use crate::process::{Process, SOON};
use crate::search::Places;

pub(crate) fn tell(kopia: &Path) -> anyhow::Result<()> {
    let ground = Ground::open(kopia, SECONDS, Logs::Trace)?;
    let mut broker = Broker::start(&ground)?;
    let mut pod = Pod::start(&ground, &broker, kopia)?;
    pod.rolls_over(&ground)?;
    pod.restores(&ground)?;
    let mut places = Places::default();
    for process in [&broker.process, &pod.proxy.process, &pod.post] {
        places.ask(process);
    }
    pod.ends()?;
    broker.process.stop_well()?;
    check_report(&ground)?;
    for process in [&broker.process, &pod.proxy.process, &pod.post, &pod.connect, &pod.restore] {
        places.log(process);
    }
    places.argv(&ground);
    places.files(ground.folder.path())?;
    is_looked_at(&places)?;
    let secrets = secrets(&ground)?;
    for secret in &secrets {
        let found = places.found(secret);
        ensure!(found.is_empty(), "{} stands in {found:?}", &secret[..16]);
    }
    let (count, bytes) = places.size();
    println!("{} secrets are in none of {count} texts, {bytes} bytes", secrets.len());
    finds_what_is_planted(&ground, &secrets)
}

/// Each kind of place was there, and at trace level.
fn is_looked_at(places: &Places) -> anyhow::Result<()> {
    for (place, word) in [
        ("broker stdout", "TRACE"),
        ("proxy stdout", "TRACE"),
        ("post stdout", "TRACE"),
        ("connect stderr", "TRACE"),
        ("restore stderr", "Restored"),
        ("broker argv", "credential-broker"),
        ("proxy argv", "s3-resign-proxy"),
        ("post argv", "stats-post"),
        ("restore argv", "snapshot restore"),
        ("broker /metrics", "credential_broker_"),
        ("proxy /metrics", "s3_resign_proxy_"),
        ("post /metrics", "stats_post_"),
        ("broker /stats", "grants"),
        ("proxy /stats", "received_payload_bytes"),
        ("post.last-word", "reported"),
        ("post.outcome", "received_payload_bytes"),
        ("proxy.last-word", "s3-resign-proxy"),
        ("broker.outcome", "credential-broker"),
    ] {
        ensure!(places.is_told(place, word), "no {word:?} in {place}");
    }
    Ok(())
}

/// Every key and token that was issued, the repository's password, the tokens of the pod and of the broker, the
/// callers' key, and the device's.
fn secrets(ground: &Ground) -> anyhow::Result<Vec<String>> {
    let read = |name: &str| std::fs::read_to_string(ground.path(name));
    let (pair, device) = (read("caller.env")?, read("device.key")?);
    let callers = pair.lines().find_map(|line| line.strip_prefix("AWS_SECRET_ACCESS_KEY="));
    // The lines before it are alike in all keys of this kind.
    let device = device.lines().nth(2);
    let signature = ground.api_server.token.rsplit('.').next();
    let others = [Some(ground.seed.password.as_str()), signature, Some(BROKERS), callers, device];
    let mut secrets = ground.store.keyring().secrets();
    for secret in others {
        secrets.push(secret.context("a secret")?.to_owned());
    }
    Ok(secrets)
}

/// The same search, when a program logs one, is started with one, and ends with one.
fn finds_what_is_planted(ground: &Ground, secrets: &[String]) -> anyhow::Result<()> {
    let [logged, argument, last, ..] = secrets else { anyhow::bail!("three secrets") };
    let file = ground.path("planted");
    std::fs::write(&file, logged)?;
    let script = "cat \"$0\"; echo; while :; do sleep 0.05; done";
    let command = Spawn::new("sh").arg("-c").arg(script).arg(&file);
    let mut process = Process::start(ground, "planted", command.arg(argument))?;
    process.run.wait_until(SOON, "it logs", |run| run.stdout().contains('\n'))?;
    let is_seen = || {
        let seen = ground.argv.seen();
        seen.iter().any(|(name, line)| name == "planted" && line.contains(script))
    };
    testbed::wait_until(SOON, "its command line is seen", is_seen)?;
    std::fs::remove_file(&file).context("the planted secret")?;
    std::fs::write(ground.last_word("planted"), format!("failed: {last}"))?;
    let mut places = Places::default();
    places.log(&process);
    places.argv(ground);
    places.files(ground.folder.path())?;
    for (secret, place) in
        [(logged, "planted stdout"), (argument, "planted argv"), (last, "planted.last-word")]
    {
        let found = places.found(secret);
        ensure!(found == [place], "planted in {place}, found in {found:?}");
    }
    Ok(())
}
