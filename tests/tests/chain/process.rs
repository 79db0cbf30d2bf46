// SPDX-License-Identifier: Apache-2.0
//! A process of the chain, and what it leaves behind.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use testbed::{Running, Spawn, exchange};

use crate::ground::Ground;

/// How long anything may take that should take moments.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A running process; it is killed when it is dropped.
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) run: Running,
    admin: Option<SocketAddr>,
    last_word: PathBuf,
}

/// How one ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) last_word: String,
}

impl Process {
    /// Starts one that was made by [`Ground::program`] under this name.
    pub(crate) fn start(ground: &Ground, name: &str, command: Spawn) -> anyhow::Result<Process> {
        let run = command.start()?;
        ground.argv.follow(name, run.id());
        let last_word = ground.last_word(name);
        Ok(Process { name: name.to_owned(), run, admin: None, last_word })
    }

    /// The same with an admin listener, on a port that was free a moment ago.
    pub(crate) fn serve(ground: &Ground, name: &str, command: Spawn) -> anyhow::Result<Process> {
        let admin = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let command = command.args(["--admin-listen", &admin.to_string()]);
        let process = Process::start(ground, name, command)?;
        Ok(Process { admin: Some(admin), ..process })
    }

    /// What its admin listener answers; nothing where there is none.
    pub(crate) fn admin(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
        let answer = self.admin.map(|at| exchange(at, request.as_bytes()));
        answer.and_then(Result::ok).map(|answer| answer.text()).unwrap_or_default()
    }

    /// One of its metrics.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.admin("/metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// The log line of this phrase.
    pub(crate) fn line(&self, phrase: &str) -> Option<Value> {
        let log = self.run.stdout();
        let phrase = format!("\"{phrase}\"");
        let line = log.lines().find(|line| line.contains(&phrase))?;
        serde_json::from_str(line).ok()
    }

    pub(crate) fn wait_for(&mut self, phrase: &str) -> anyhow::Result<Value> {
        let quoted = format!("\"{phrase}\"");
        self.run.wait_until(SOON, phrase, |run| run.stdout().contains(&quoted))?;
        self.line(phrase).with_context(|| format!("the line {phrase:?}"))
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> anyhow::Result<Ended> {
        let status = self.run.wait(crate::kopia::LIMIT)?;
        let code = status.code().with_context(|| format!("{status}\n{}", self.run.story()))?;
        let last_word = std::fs::read_to_string(&self.last_word).unwrap_or_default();
        Ok(Ended { code, last_word })
    }

    /// Asks it to stop, as the kubelet does, and waits for its end.
    pub(crate) fn stop(&mut self) -> anyhow::Result<Ended> {
        self.run.terminate()?;
        self.end()
    }

    /// The same where it must end well.
    pub(crate) fn stop_well(&mut self) -> anyhow::Result<Ended> {
        self.run.terminate()?;
        self.end_well()
    }

    pub(crate) fn end_well(&mut self) -> anyhow::Result<Ended> {
        let ended = self.end()?;
        ensure!(ended.code == 0, "{} ended: {ended:?}\n{}", self.name, self.run.story());
        Ok(ended)
    }
}
