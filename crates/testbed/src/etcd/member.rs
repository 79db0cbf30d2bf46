// SPDX-License-Identifier: Apache-2.0
//! One member: its addresses, its folder, and its process if it runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};

use crate::ports;
use crate::proc::{Running, Spawn, Usage};

/// A member, whether it runs or not.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) client_url: String,
    pub(super) peer_url: String,
    pub(super) data_dir: PathBuf,
    pub(super) is_learner: bool,
    spawn: Spawn,
    process: Mutex<Process>,
}

/// The process of the last start, kept after its end for what it said.
#[derive(Debug, Default)]
struct Process {
    running: Option<Running>,
    is_paused: bool,
}

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Runs,
    Paused,
    Down,
}

/// What members of a cluster have in common.
#[derive(Clone, Debug)]
pub(super) struct Common {
    /// etcd with all flags that do not depend on the member.
    pub(super) spawn: Spawn,
    pub(super) scheme: &'static str,
}

impl Member {
    /// The first members of a cluster, which know each other from the start.
    pub(super) fn founders(
        common: &Common,
        count: usize,
        folder: &Path,
        state: &str,
    ) -> anyhow::Result<Vec<Member>> {
        let free = ports::free(count * 2)?;
        let urls: Vec<(String, String)> = free
            .chunks_exact(2)
            .map(|pair| (format!("{}://{}", common.scheme, pair[0]), peer_url(pair[1])))
            .collect();
        let cluster: Vec<String> =
            urls.iter().enumerate().map(|(n, (_, peer))| format!("m{n}={peer}")).collect();
        let cluster = cluster.join(",");
        let member = |(n, (client, peer)): (usize, (String, String))| {
            Member::new(common, n, client, peer, folder, [&cluster, state])
        };
        Ok(urls.into_iter().enumerate().map(member).collect())
    }

    fn new(
        common: &Common,
        place: usize,
        client_url: String,
        peer_url: String,
        folder: &Path,
        [cluster, state]: [&str; 2],
    ) -> Member {
        let name = format!("m{place}");
        let data_dir = folder.join(&name).join("data");
        let spawn = common.spawn.clone().args(["--name", &name, "--data-dir"]).arg(&data_dir);
        let spawn = spawn
            .args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url])
            .args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url])
            .args(["--initial-cluster", cluster, "--initial-cluster-state", state]);
        let process = Mutex::default();
        Member { name, client_url, peer_url, data_dir, is_learner: false, spawn, process }
    }

    /// One more member, which a cluster of these must be told of before it is started.
    pub(super) fn learner(
        common: &Common,
        known: &[Member],
        folder: &Path,
    ) -> anyhow::Result<Member> {
        let [client, peer] = ports::free(2)?[..] else { bail!("two ports were asked for") };
        let (client, peer) = (format!("{}://{client}", common.scheme), peer_url(peer));
        let place = known.len();
        let mut cluster: Vec<String> =
            known.iter().map(|member| format!("{}={}", member.name, member.peer_url)).collect();
        cluster.push(format!("m{place}={peer}"));
        let cluster = cluster.join(",");
        let member = Member::new(common, place, client, peer, folder, [&cluster, "existing"]);
        Ok(Member { is_learner: true, ..member })
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> State {
        let mut process = self.process();
        let is_paused = process.is_paused;
        match process.running.as_mut().map(Running::exited) {
            None | Some(Some(_)) => State::Down,
            Some(None) if is_paused => State::Paused,
            Some(None) => State::Runs,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state() == State::Down
    }

    pub(super) fn start(&self) -> anyhow::Result<()> {
        if self.state() != State::Down {
            bail!("{} runs already", self.name);
        }
        if let Some(parent) = self.data_dir.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let running = self.spawn.clone().start()?;
        *self.process() = Process { running: Some(running), is_paused: false };
        Ok(())
    }

    pub(super) fn terminate(&self) -> anyhow::Result<()> {
        self.with(Running::terminate)
    }

    pub(super) fn kill(&self) -> anyhow::Result<()> {
        let mut process = self.process();
        process.is_paused = false;
        let running = process.running.as_mut();
        running.with_context(|| format!("{} never ran", self.name))?.kill().map(drop)
    }

    pub(super) fn pause(&self) -> anyhow::Result<()> {
        self.with(Running::pause)?;
        self.process().is_paused = true;
        Ok(())
    }

    pub(super) fn resume(&self) -> anyhow::Result<()> {
        self.with(Running::resume)?;
        self.process().is_paused = false;
        Ok(())
    }

    pub(super) fn usage(&self) -> anyhow::Result<Usage> {
        self.with(Running::usage)
    }

    pub(super) fn story(&self) -> String {
        self.process().running.as_ref().map(Running::story).unwrap_or_default()
    }

    fn with<T>(&self, act: impl FnOnce(&Running) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let mut process = self.process();
        let ended = process.running.as_mut().is_none_or(|running| running.exited().is_some());
        let running = process.running.as_ref().filter(|_| !ended);
        // One that has ended has no process id any more: it may be somebody else's.
        act(running.with_context(|| format!("{} does not run", self.name))?)
    }
}

fn peer_url(at: SocketAddr) -> String {
    format!("http://{at}")
}
