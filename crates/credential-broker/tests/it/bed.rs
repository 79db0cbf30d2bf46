// SPDX-License-Identifier: Apache-2.0
//! The broker as a process, the control plane that issues, and callers.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{RawResponse, Running, Spawn, exchange};

use crate::fake::{Answer, Fake};

/// How long anything may take that should take a moment.
pub(crate) const SOON: Duration = Duration::from_secs(20);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// What the control plane issues, the number behind it.
pub(crate) const SECRET: &str = "hush/secret+of=issue";
pub(crate) const TOKEN: &str = "hush/token+of=issue";
pub(crate) const PASSWORD: &str = "hush-password-of-the-repository";

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_credential-broker"))
}

/// A set of this lifetime in the control plane's form; the number tells one issue from another.
pub(crate) fn issued(number: u64, lifetime: Duration) -> Answer {
    let expires = Timestamp::now() + jiff::SignedDuration::try_from(lifetime).unwrap();
    let body = json!({
        "credentials": {
            "Version": 1,
            "AccessKeyId": format!("ASIAISSUE{number:07}"),
            "SecretAccessKey": format!("{SECRET}{number}"),
            "SessionToken": format!("{TOKEN}{number}"),
            "Expiration": expires.to_string(),
        },
        "repo_password": PASSWORD,
    });
    (200, vec![("content-type", "application/json".to_owned())], body.to_string())
}

/// A refusal in the control plane's form.
pub(crate) fn problem(status: u16, detail: &str) -> Answer {
    let body = json!({"type": "/errors/x", "title": "no", "status": status, "detail": detail});
    let form = vec![("content-type", "application/problem+json".to_owned())];
    (status, form, body.to_string())
}

/// A control plane that issues sets of this lifetime.
pub(crate) fn control_plane(lifetime: Duration) -> Fake {
    let number = AtomicU64::new(0);
    Fake::start(move |_| issued(number.fetch_add(1, Ordering::SeqCst), lifetime))
}

pub(crate) fn ask_for(group: &str) -> Value {
    json!({"group": group, "type": "pg"})
}

/// The flags of a broker to be. Clones share the folder of its files.
#[derive(Clone)]
pub(crate) struct Setup {
    args: Vec<OsString>,
    envs: Vec<(String, String)>,
    dir: Arc<TempDir>,
}

/// A running broker; it is killed when it is dropped.
pub(crate) struct Broker {
    pub(crate) run: Running,
    pub(crate) addr: SocketAddr,
    pub(crate) admin: SocketAddr,
    dir: Arc<TempDir>,
}

impl Setup {
    /// A broker with this issuer that nobody may ask yet.
    pub(crate) fn new(issuer: &str) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let termination = dir.path().join("termination");
        let args = [
            "--issuer".into(),
            issuer.into(),
            "--listen".into(),
            "127.0.0.1:0".into(),
            "--termination-log".into(),
            termination.into_os_string(),
        ];
        Self { args: args.into(), envs: Vec::new(), dir }
    }

    /// A broker of a control plane, open to anybody.
    pub(crate) fn open(control_plane: &Fake) -> Self {
        Self::new(&format!("canopy:{}", control_plane.url())).args(["--allow-anonymous"])
    }

    pub(crate) fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.envs.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The process as it starts, without waiting for anything.
    pub(crate) fn spawn(&self) -> (Running, SocketAddr) {
        let admin = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let envs = self.envs.iter().map(|(name, value)| (name, value));
        let run = Spawn::new(binary())
            .clean_env()
            .envs(envs)
            .args(&self.args)
            .args(["--admin-listen", &admin.to_string()])
            .start();
        (run.unwrap(), admin)
    }

    /// Starts, and waits until it listens.
    pub(crate) fn start(&self) -> Broker {
        loop {
            let (mut run, admin) = self.spawn();
            let listens = run.wait_until(SOON, "it listens", |run| listening(run).is_some());
            // Another test may have been given the same free port.
            if listens.is_err() && run.stdout().contains(&format!("{admin}: cannot bind")) {
                continue;
            }
            listens.unwrap();
            let addr = listening(&run).unwrap();
            return Broker { run, addr, admin, dir: Arc::clone(&self.dir) };
        }
    }
}

/// The address in the log line that says where it listens.
fn listening(run: &Running) -> Option<SocketAddr> {
    let log = run.stdout();
    let line = log.lines().find(|line| line.contains("\"listening\""))?;
    let line: Value = serde_json::from_str(line).ok()?;
    line["address"].as_str()?.parse().ok()
}

/// A request as a pod sends it.
pub(crate) fn request(token: Option<&str>, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let token = token.map(|it| format!("authorization: Bearer {it}\r\n")).unwrap_or_default();
    let length = body.len();
    format!(
        "POST /internal/restore-creds HTTP/1.1\r\nhost: broker\r\n{token}content-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

pub(crate) fn body(answer: &RawResponse) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{}", answer.text()))
}

/// The number in an answer.
pub(crate) fn number(answer: &RawResponse) -> u64 {
    let body = body(answer);
    let id = body["credentials"]["AccessKeyId"].as_str().unwrap_or_else(|| panic!("{body}"));
    id.trim_start_matches("ASIAISSUE").parse().unwrap()
}

impl Broker {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Asks without a token.
    pub(crate) fn ask(&self, wish: &Value) -> RawResponse {
        exchange(self.addr, &request(None, wish)).unwrap()
    }

    /// Asks for another set than this one, which the store refuses.
    pub(crate) fn ask_instead_of(&self, number: u64, wish: &Value) -> RawResponse {
        let text = String::from_utf8(request(None, wish)).unwrap();
        let header =
            format!("pilotfish-refused-access-key-id: ASIAISSUE{number:07}\r\nconnection: close");
        exchange(self.addr, text.replacen("connection: close", &header, 1).as_bytes()).unwrap()
    }

    pub(crate) fn ask_as(&self, token: &str, wish: &Value) -> RawResponse {
        exchange(self.addr, &request(Some(token), wish)).unwrap()
    }

    /// `GET` on the main port.
    pub(crate) fn get(&self, path: &str) -> RawResponse {
        get(self.addr, path)
    }

    /// `GET` on the admin port.
    pub(crate) fn admin(&self, path: &str) -> RawResponse {
        get(self.admin, path)
    }

    pub(crate) fn stats(&self) -> Value {
        body(&self.admin("/stats"))
    }

    /// One metric's value; labels as they stand in the text.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = self.admin("/metrics").text();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// The audit lines so far.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let lines = self.run.stdout();
        let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["target"] == "audit").collect()
    }

    /// Waits until what it says of itself is so.
    pub(crate) fn wait(&mut self, what: &str, is: impl Fn(&Self) -> bool) {
        let waited = testbed::wait_until(SOON, what, || is(self));
        waited.unwrap_or_else(|error| panic!("{error}\n{}", self.run.story()));
    }

    /// Asks it to stop, and returns its exit code.
    pub(crate) fn stop(&mut self) -> i32 {
        self.run.terminate().unwrap();
        self.run.wait(SOON).unwrap().code().unwrap()
    }
}

fn get(at: SocketAddr, path: &str) -> RawResponse {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    exchange(at, request.as_bytes()).unwrap()
}
