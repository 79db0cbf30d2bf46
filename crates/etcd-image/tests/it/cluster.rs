// SPDX-License-Identifier: Apache-2.0
//! Real etcd members. They listen on sockets in their folder, so that no ports are taken.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::programs::{Version, attempt, run};

const PATIENCE: Duration = Duration::from_secs(60);

/// Members of one cluster, stopped when dropped.
pub(crate) struct Cluster {
    version: Version,
    folder: TempDir,
    members: Vec<Child>,
    /// Given to each call of etcdctl.
    pub(crate) login: Option<&'static str>,
}

/// The socket that member `index` listens on for clients; peers have the one behind it.
fn client_url(index: usize) -> String {
    format!("unix://localhost:{}", 2 * index)
}

fn peer_url(index: usize) -> String {
    format!("unix://localhost:{}", 2 * index + 1)
}

impl Cluster {
    /// Starts `count` members, each with `flags` too, and waits until all are well.
    pub(crate) fn start(version: Version, count: usize, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut cluster = Self { version, folder, members: Vec::new(), login: None };
        let initial: Vec<String> =
            (0..count).map(|index| format!("m{index}={}", peer_url(index))).collect();
        for index in 0..count {
            let urls = ["--initial-cluster", &initial.join(","), "--initial-advertise-peer-urls"];
            let mut all = vec![urls[0], urls[1], urls[2]];
            let peer = peer_url(index);
            all.push(&peer);
            all.extend(flags);
            cluster.spawn(index, &all);
        }
        cluster.wait();
        cluster
    }

    /// Starts one member on what `etcdutl snapshot restore` made of a snapshot.
    pub(crate) fn restore(version: Version, snapshot: &Path, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = if version == Version::V3_4 { "etcdctl" } else { "etcdutl" };
        let file = snapshot.to_str().unwrap();
        let mut args = vec!["snapshot", "restore", file, "--data-dir", "m0", "--name", "m0"];
        let (peer, initial) = (peer_url(0), format!("m0={}", peer_url(0)));
        args.extend(["--initial-cluster", &initial, "--initial-advertise-peer-urls", &peer]);
        args.extend(flags);
        run(&version.program(name), args, folder.path(), b"");
        let mut cluster = Self { version, folder, members: Vec::new(), login: None };
        cluster.spawn(0, &[]);
        cluster.wait();
        cluster
    }

    fn spawn(&mut self, index: usize, flags: &[&str]) {
        let log = File::create(self.path(&format!("m{index}.log"))).unwrap();
        let name = format!("m{index}");
        let member = Command::new(self.version.program("etcd"))
            .args(["--name", &name, "--data-dir", &name])
            .args(["--listen-client-urls", &client_url(index)])
            .args(["--advertise-client-urls", &client_url(index)])
            .args(["--listen-peer-urls", &peer_url(index)])
            // Else members may be added and removed only when all were connected for some seconds.
            .arg("--strict-reconfig-check=false")
            .args(flags)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.members.push(member);
    }

    fn wait(&mut self) {
        let until = Instant::now() + PATIENCE;
        let all = self.all_urls();
        let health = ["--endpoints", &all, "endpoint", "health"];
        while !(self.try_ctl(&health, b"").status.success() && self.has_decided()) {
            let log = std::fs::read_to_string(self.path("m0.log")).unwrap_or_default();
            assert!(Instant::now() < until, "etcd {:?} is not well: {log}", self.version);
            for member in &mut self.members {
                assert!(member.try_wait().unwrap().is_none(), "a member ended: {log}");
            }
        }
    }

    /// Whether the members have agreed on the cluster's version, which is the last thing they write
    /// unasked.
    fn has_decided(&self) -> bool {
        (0..self.members.len()).all(|index| {
            let mut answer = String::new();
            let mut socket =
                UnixStream::connect(self.path(&format!("localhost:{}", 2 * index))).unwrap();
            write!(socket, "GET /version HTTP/1.0\r\n\r\n").unwrap();
            socket.read_to_string(&mut answer).unwrap();
            answer.contains(&format!("\"etcdcluster\":\"{}.0\"", self.version.name()))
        })
    }

    /// Kills the members. What they had committed stays.
    pub(crate) fn stop(&mut self) {
        for mut member in self.members.drain(..) {
            member.kill().unwrap();
            member.wait().unwrap();
        }
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The client URLs of all members, for `--endpoints`.
    pub(crate) fn all_urls(&self) -> String {
        (0..self.members.len()).map(client_url).collect::<Vec<_>>().join(",")
    }

    /// Runs etcdctl; the first member is asked where no other is named.
    pub(crate) fn try_ctl(&self, args: &[&str], input: &[u8]) -> std::process::Output {
        attempt(&self.version.program("etcdctl"), self.ctl_args(args), self.folder.path(), input)
    }

    /// Runs etcdctl to its good end.
    pub(crate) fn ctl(&self, args: &[&str]) -> String {
        self.ctl_with(args, b"")
    }

    /// As [`ctl`](Self::ctl), with input.
    pub(crate) fn ctl_with(&self, args: &[&str], input: &[u8]) -> String {
        run(&self.version.program("etcdctl"), self.ctl_args(args), self.folder.path(), input)
    }

    fn ctl_args(&self, args: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        if !args.contains(&"--endpoints") {
            all.extend(["--endpoints".to_owned(), client_url(0)]);
        }
        if let Some(login) = self.login {
            all.extend(["--user".to_owned(), login.to_owned()]);
        }
        all
    }

    /// Takes a snapshot of the first member.
    pub(crate) fn snapshot(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        self.ctl(&["snapshot", "save", path.to_str().unwrap()]);
        path
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}
