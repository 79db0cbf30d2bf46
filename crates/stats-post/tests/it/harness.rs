// SPDX-License-Identifier: Apache-2.0
//! The real binary, started as a pod would start it, and servers that hear it.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stub_canopy::{Config, Stub};
use tempfile::TempDir;
use testbed::{Heard, Origin, Reply, Running, Spawn};

/// Far beyond what anything here takes; only a defect reaches it.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) const RUN: &str = "9e9e0000-0000-4000-8000-000000000001";

/// One of our ids.
pub(crate) const SNAPSHOT: &str = "2026-11-20T02-00-00Z-0a1b2c3d";

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_stats-post"))
}

/// The flags of a sidecar to be, its shared folder and its spool. Clones share them: one that starts later
/// is a restart.
#[derive(Clone)]
pub(crate) struct Pod {
    args: Vec<OsString>,
    envs: Vec<(String, String)>,
    dir: Arc<TempDir>,
}

/// A running sidecar.
pub(crate) struct Post {
    pub(crate) run: Running,
    pod: Pod,
}

/// How one ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) last_word: String,
    pub(crate) log: String,
}

impl Pod {
    /// A run of `type` T that posts there.
    pub(crate) fn new(url: &str, form: &str) -> Self {
        let pod = Self::bare();
        let shared = pod.path("shared").display().to_string();
        pod.args(["--url", url, "--form", form, "--watch", &shared])
            .args(["--run-id", RUN, "--type", "tamanu-postgres", "--group", "5a1e"])
            .args(["--namespace", "ns", "--job", "job-1", "--grace", "15s"])
    }

    /// Nothing but what every test needs.
    pub(crate) fn bare() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        std::fs::create_dir(dir.path().join("shared")).unwrap();
        let last_word = dir.path().join("last-word");
        let pod = Self { args: Vec::new(), envs: Vec::new(), dir };
        pod.args(["--admin-listen", "127.0.0.1:0", "--termination-log"]).args([last_word])
    }

    pub(crate) fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.envs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a flag, in the place of the one that was there.
    pub(crate) fn with(mut self, flag: &str, value: &str) -> Self {
        if let Some(at) = self.args.iter().position(|arg| arg == flag) {
            self.args.drain(at..at + 2);
        }
        self.args([flag, value])
    }

    /// With a spool that a restart finds.
    pub(crate) fn spooling(self) -> Self {
        let spool = self.path("spool");
        self.args(["--spool-dir"]).args([spool])
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A neighbour writes a file as our programs do.
    pub(crate) fn write(&self, name: &str, content: impl ToString) {
        let beside = self.path("shared").join(".pilotfish-new");
        std::fs::write(&beside, content.to_string()).unwrap();
        std::fs::rename(beside, self.path("shared").join(name)).unwrap();
    }

    /// A proxy has moved so much.
    pub(crate) fn moved(&self, name: &str, [one, two, three, four]: [u64; 4]) {
        self.write(name, tallies([one, two, three, four]));
    }

    pub(crate) fn start(&self) -> Post {
        let run = self.spawn();
        let mut post = Post { run, pod: self.clone() };
        post.wait("it watches", |post| post.run.stdout().contains("\"watching\""));
        post
    }

    /// Without waiting for anything.
    pub(crate) fn spawn(&self) -> Running {
        let spawn = Spawn::new(binary()).clean_env().args(&self.args).envs(self.envs.clone());
        spawn.start().unwrap()
    }

    /// Starts it, asks it to stop, and waits for its end.
    pub(crate) fn once(&self) -> Ended {
        self.start().stop()
    }

    /// The same, where the executor ends in between.
    pub(crate) fn once_with(&self, outcome: Value) -> Ended {
        let post = self.start();
        self.write("upload.json", outcome);
        post.stop()
    }

    /// A life that delivers what an earlier one could not, while the run goes on.
    pub(crate) fn delivered_at_start(&self) {
        let mut post = self.start();
        let told = "the report of an earlier start is delivered";
        post.wait("it is delivered", |post| post.run.stdout().contains(told));
        post.stop().assert(0, &["delivered by an earlier start"]);
    }

    /// Runs one that ends by itself.
    pub(crate) fn end(&self) -> Ended {
        Post { run: self.spawn(), pod: self.clone() }.end()
    }

    /// What is in the spool.
    pub(crate) fn spooled(&self) -> Option<Value> {
        let entry = std::fs::read_dir(self.path("spool")).ok()?.next()?;
        Some(serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap())
    }
}

impl Post {
    pub(crate) fn wait(&mut self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        let waited = testbed::wait_until(SOON, what, || {
            let ended = self.run.exited();
            is(self)
                || ended
                    .is_some_and(|status| panic!("{status} before {what}\n{}", self.run.story()))
        });
        waited.unwrap_or_else(|error| panic!("{error}\n{}", self.run.story()));
    }

    pub(crate) fn stop(self) -> Ended {
        self.run.terminate().unwrap();
        self.end()
    }

    pub(crate) fn end(mut self) -> Ended {
        let status = self.run.wait(SOON).unwrap();
        let last_word = std::fs::read_to_string(self.pod.path("last-word")).unwrap_or_default();
        let log = self.run.stdout() + &self.run.stderr();
        Ended { code: status.code().unwrap_or_else(|| panic!("{status}\n{log}")), last_word, log }
    }
}

impl Ended {
    /// Asserts the exit code, and words of the last word.
    pub(crate) fn assert(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{}\n{}", self.last_word, self.log);
        assert!(self.last_word.len() <= 1024, "{}", self.last_word.len());
        for word in words {
            assert!(self.last_word.contains(word), "no `{word}` in: {}", self.last_word);
        }
        self
    }

    /// The facts of the last word.
    pub(crate) fn facts(&self) -> Value {
        let line = self.last_word.lines().last().unwrap();
        serde_json::from_str::<Value>(line).unwrap()["facts"].clone()
    }
}

pub(crate) fn tallies([one, two, three, four]: [u64; 4]) -> Value {
    json!({
        "sent_raw_bytes": one, "sent_payload_bytes": two,
        "received_raw_bytes": three, "received_payload_bytes": four,
    })
}

/// An outcome as our executors write it.
pub(crate) fn outcome(exit: i32, sentence: &str, facts: Value) -> Value {
    json!({"name": "snapshot-upload", "exit": exit, "sentence": sentence, "facts": facts})
}

/// A server that takes everything.
pub(crate) fn taking() -> Origin {
    Origin::always(None, no_content()).unwrap()
}

/// One that answers the same status for ever.
pub(crate) fn answering(status: &str, headers: &str, body: &str) -> Origin {
    Origin::always(None, Reply::answer(status, headers, body.as_bytes())).unwrap()
}

pub(crate) fn no_content() -> Reply {
    Reply::bytes("HTTP/1.1 204 No Content\r\n\r\n")
}

pub(crate) fn stub() -> Stub {
    stub_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), json!({"dedupe": true}))
}

pub(crate) fn stub_at(listen: SocketAddr, script: Value) -> Stub {
    Stub::start(Config { listen, ..Config::new(script) }).unwrap()
}

/// An address where nobody listens, until somebody does.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Exactly so many posts, each on a connection of its own. One is recorded when its reply is over, which
/// may be after the end of who posted it.
pub(crate) fn posts(origin: &Origin, count: usize) -> Vec<Heard> {
    let heard = origin.wait_heard(count, SOON);
    assert_eq!((heard.len(), origin.connections()), (count, count), "{heard:?}");
    heard
}

/// The one post with a key, among samples of progress.
pub(crate) fn report(origin: &Origin) -> Heard {
    let reports = || origin.heard().into_iter().filter(|one| !key(one).is_empty());
    testbed::wait_until(SOON, "the report is heard", || reports().count() > 0).unwrap();
    let reports: Vec<Heard> = reports().collect();
    let [one] = &reports[..] else { panic!("{reports:?}") };
    one.clone()
}

pub(crate) fn body(heard: &Heard) -> Value {
    serde_json::from_slice(&heard.body).unwrap()
}

pub(crate) fn key(heard: &Heard) -> &str {
    heard.head.header("idempotency-key").unwrap_or_default()
}
