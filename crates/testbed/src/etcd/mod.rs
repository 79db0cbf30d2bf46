// SPDX-License-Identifier: Apache-2.0
//! Real etcd clusters on 127.0.0.1, of the versions that `scripts/tools` makes.
//!
//! Each member is a child process with fixed ports and a folder of its own; it can be stopped,
//! killed, paused and started again. etcd's own tools are at hand with the right flags.
//! Everything that takes longer than a few milliseconds is async.

mod builder;
mod fill;
mod member;
mod tools;

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

pub use builder::Builder;
use member::{Common, Member, State};
use tools::{Caller, Tools};

use crate::ca::TlsFiles;
use crate::proc::Usage;

/// How long a member may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked whether it has.
const LOOK: Duration = Duration::from_millis(10);

/// Which etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Debian's 3.4; it has no etcdutl.
    V3_4,
    /// 3.5.
    V3_5,
    /// 3.6.
    V3_6,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Version; 3] = [Version::V3_4, Version::V3_5, Version::V3_6];

    /// Its name for `scripts/tools` and for [`crate::tool`].
    pub fn tool(self) -> &'static str {
        match self {
            Version::V3_4 => "etcd-3.4",
            Version::V3_5 => "etcd-3.5",
            Version::V3_6 => "etcd-3.6",
        }
    }
}

/// What a client needs to be let in over TLS; the files live as long as the cluster.
#[derive(Clone, Debug)]
pub struct ClientTls {
    /// The authority's certificate, as PEM.
    pub ca: PathBuf,
    /// A client's certificate, whose common name is `root`, and its key.
    pub client: TlsFiles,
}

/// A running cluster; its members are killed when it is dropped.
#[derive(Debug)]
pub struct Etcd {
    // In this order: the members are killed before their folder goes.
    members: Vec<Member>,
    tools: Tools,
    common: Common,
    tls: Option<ClientTls>,
    version: Version,
    rounds: AtomicU64,
    folder: tempfile::TempDir,
}

impl Etcd {
    /// One member without TLS.
    pub async fn member(version: Version) -> anyhow::Result<Etcd> {
        Etcd::builder(version).start().await
    }

    /// A cluster to be, of one member if nothing else is said.
    pub fn builder(version: Version) -> Builder<'static> {
        Builder::new(version)
    }

    /// Which etcd it is.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The client URLs of all members, in order, whether they run or not.
    pub fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(|member| member.client_url.clone()).collect()
    }

    /// What all founders are told of each other: `NAME=PEER-URL,…`.
    pub fn initial_cluster(&self) -> String {
        let each = self.members.iter().map(|member| format!("{}={}", member.name, member.peer_url));
        each.collect::<Vec<_>>().join(",")
    }

    /// A member's name.
    pub fn name(&self, member: usize) -> anyhow::Result<&str> {
        Ok(&self.at(member)?.name)
    }

    /// Where its peers reach a member.
    pub fn peer_url(&self, member: usize) -> anyhow::Result<&str> {
        Ok(&self.at(member)?.peer_url)
    }

    /// Whether a member does not run, or no more.
    pub fn is_down(&self, member: usize) -> anyhow::Result<bool> {
        Ok(self.at(member)?.has_ended())
    }

    /// Starts every member and waits until all serve.
    pub async fn start_all(&self) -> anyhow::Result<()> {
        self.members.iter().try_for_each(Member::start)?;
        self.settled().await
    }

    /// How many members there are, learners included.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// A cluster has a member at least.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The files of a client, where the cluster has TLS.
    pub fn tls(&self) -> Option<&ClientTls> {
        self.tls.as_ref()
    }

    /// What a member's `--data-dir` is.
    pub fn data_dir(&self, member: usize) -> anyhow::Result<PathBuf> {
        Ok(self.at(member)?.data_dir.clone())
    }

    /// What a member said since its last start.
    pub fn log(&self, member: usize) -> anyhow::Result<String> {
        Ok(self.at(member)?.story())
    }

    /// What a member's process has used since its last start.
    pub fn usage(&self, member: usize) -> anyhow::Result<Usage> {
        self.at(member)?.usage()
    }

    /// Stops a member in order (SIGTERM) and waits for its end.
    pub async fn stop(&self, member: usize) -> anyhow::Result<()> {
        let member = self.at(member)?;
        member.terminate()?;
        let until = Instant::now() + PATIENCE;
        while !member.has_ended() {
            if Instant::now() > until {
                bail!("{} does not stop\n{}", member.name, member.story());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Kills a member (SIGKILL).
    pub fn kill(&self, member: usize) -> anyhow::Result<()> {
        self.at(member)?.kill()
    }

    /// Stops a member in its tracks (SIGSTOP): it holds its connections and answers nothing.
    pub fn pause(&self, member: usize) -> anyhow::Result<()> {
        self.at(member)?.pause()
    }

    /// Lets a paused member go on.
    pub fn resume(&self, member: usize) -> anyhow::Result<()> {
        self.at(member)?.resume()
    }

    /// Starts a member that was stopped or killed, and does not wait for it: for members that cannot
    /// become ready alone.
    pub fn start_member(&self, member: usize) -> anyhow::Result<()> {
        self.at(member)?.start()
    }

    /// Starts a member on its old data and address, after stopping it if it runs, and waits until it
    /// serves.
    pub async fn restart(&self, member: usize) -> anyhow::Result<()> {
        if self.at(member)?.state() != State::Down {
            self.resume(member)?;
            self.stop(member).await?;
        }
        self.start_member(member)?;
        self.ready(member).await
    }

    /// Waits until every member that runs serves: a cluster that lost its leader has none for a second,
    /// and etcdctl does not try a write again.
    pub async fn settled(&self) -> anyhow::Result<()> {
        for (place, member) in self.members.iter().enumerate() {
            if member.state() == State::Runs {
                self.ready(place).await?;
            }
        }
        Ok(())
    }

    /// Adds a learner, which stays one, and waits until it has joined; gives its place.
    pub async fn add_learner(&mut self) -> anyhow::Result<usize> {
        let place = self.members.len();
        let learner = Member::learner(&self.common, &self.members, self.folder.path())?;
        let peer = format!("--peer-urls={}", learner.peer_url);
        self.announce(&["member", "add", &learner.name, "--learner", &peer]).await?;
        learner.start()?;
        self.members.push(learner);
        self.ready(place).await?;
        Ok(place)
    }

    /// Changes the membership, which a leader puts off until its peers were there for five seconds.
    pub async fn announce(&self, change: &[&str]) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.ctl(change).await {
                Err(error) if is_too_early(&error) && Instant::now() < until => {
                    tokio::time::sleep(LOOK).await;
                }
                done => return done.map(drop),
            }
        }
    }

    /// Turns authentication on, with a user `root` of this password. Later calls need
    /// [`Etcd::ctl_as`], or the client certificate where certificates are asked for.
    pub async fn enable_auth(&self, root_password: &str) -> anyhow::Result<()> {
        let root = format!("root:{root_password}");
        self.ctl(&["user", "add", &root]).await?;
        // The role may be there already, and granting says whether it is.
        self.ctl(&["role", "add", "root"]).await.ok();
        self.ctl(&["user", "grant-role", "root", "root"]).await?;
        self.ctl(&["auth", "enable"]).await.map(drop)
    }

    /// Runs this version's etcdctl against the voting members that run; gives its output.
    pub async fn ctl(&self, args: &[&str]) -> anyhow::Result<String> {
        self.ctl_with(&self.voters(), None, args, None).await
    }

    /// As [`Etcd::ctl`], as this user.
    pub async fn ctl_as(
        &self,
        user: &str,
        password: &str,
        args: &[&str],
    ) -> anyhow::Result<String> {
        let caller = Caller { user, password };
        self.ctl_with(&self.voters(), Some(caller), args, None).await
    }

    /// As [`Etcd::ctl`], at one member alone, which `snapshot save` asks for.
    pub async fn ctl_at(&self, member: usize, args: &[&str]) -> anyhow::Result<String> {
        let at = [self.at(member)?.client_url.clone()];
        self.ctl_with(&at, None, args, None).await
    }

    /// Runs this version's etcdutl; 3.4 has none.
    pub async fn utl(&self, args: &[&str]) -> anyhow::Result<String> {
        self.tools.utl(args).await
    }

    async fn ctl_with(
        &self,
        at: &[String],
        caller: Option<Caller<'_>>,
        args: &[&str],
        input: Option<&str>,
    ) -> anyhow::Result<String> {
        self.tools.ctl(at, self.tls.as_ref(), caller, args, input).await
    }

    fn voters(&self) -> Vec<String> {
        let serving = |member: &&Member| !member.is_learner && member.state() == State::Runs;
        self.members.iter().filter(serving).map(|member| member.client_url.clone()).collect()
    }

    fn at(&self, member: usize) -> anyhow::Result<&Member> {
        self.members.get(member).with_context(|| {
            format!("there is no member {member}: there are {}", self.members.len())
        })
    }

    /// Waits until a member serves: a voter a linearizable read, a learner its own status.
    async fn ready(&self, place: usize) -> anyhow::Result<()> {
        let member = self.at(place)?;
        let what = if member.is_learner { "status" } else { "health" };
        let ask = ["endpoint", what, "--command-timeout=2s"];
        let until = Instant::now() + PATIENCE;
        loop {
            let error = match self.ctl_at(place, &ask).await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            if is_refusal(&error) {
                return Ok(());
            }
            if member.has_ended() || Instant::now() > until {
                bail!("{} does not serve: {error:#}\n{}", member.name, member.story());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn is_too_early(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("unhealthy cluster")
}

/// A member that wants a password to tell its status does serve.
fn is_refusal(error: &anyhow::Error) -> bool {
    let told = format!("{error:#}");
    ["user name is empty", "permission denied"].iter().any(|words| told.contains(words))
}
