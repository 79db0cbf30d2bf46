// SPDX-License-Identifier: Apache-2.0
//! The cluster: `scripts/cluster kubectl` for what changes it, its API by way of `kubectl proxy` for what
//! is only read, because that is asked often.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

/// The API of a cluster.
pub(crate) struct Api {
    proxy: Mutex<Child>,
    socket: PathBuf,
    _dir: tempfile::TempDir,
}

impl Api {
    /// Starts the way to the API; fails if no cluster is up.
    pub(crate) fn open() -> anyhow::Result<Api> {
        let dir = tempfile::tempdir()?;
        let socket = dir.path().join("api");
        let api = Api { proxy: Mutex::new(proxy(&socket)?), socket, _dir: dir };
        api.await_answer()?;
        Ok(api)
    }

    /// The same after the node was down: a process from before has no network any more.
    pub(crate) fn reopen(&self) -> anyhow::Result<()> {
        let mut child = self.proxy.lock().unwrap_or_else(PoisonError::into_inner);
        end(&mut child);
        std::fs::remove_file(&self.socket).ok();
        *child = proxy(&self.socket)?;
        drop(child);
        self.await_answer()
    }

    fn await_answer(&self) -> anyhow::Result<()> {
        let ready = || self.get("/version").is_ok();
        testbed::wait_until(Duration::from_secs(20), "kubectl proxy answers", ready)
            .context("is the cluster up? scripts/cluster up")
    }

    /// The text at a path.
    pub(crate) fn text(&self, path: &str) -> anyhow::Result<String> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        // Of version 1.0, so that the answer ends with the connection and comes in no chunks.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer without a head")?;
        let status = head.split(' ').nth(1).unwrap_or_default();
        ensure!(status == "200", "GET {path}: {status} {}", body.trim());
        Ok(body.to_owned())
    }

    /// The JSON at a path.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.text(path)?)?)
    }
}

/// Ends with us, however we end: its standard input closes then.
fn proxy(socket: &Path) -> anyhow::Result<Child> {
    const UNTIL_WE_END: &str = "\"$@\" & cat >/dev/null; kill $!";
    let kubectl = cluster(&["kubectl", "proxy", "--unix-socket"]);
    let mut command = Command::new("sh");
    command.args(["-c", UNTIL_WE_END, "sh"]).arg(kubectl.get_program()).args(kubectl.get_args());
    command.arg(socket).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.spawn()?)
}

fn end(child: &mut Child) {
    drop(child.stdin.take());
    child.wait().ok();
}

impl Drop for Api {
    fn drop(&mut self) {
        end(self.proxy.get_mut().unwrap_or_else(PoisonError::into_inner));
    }
}

/// `scripts/cluster` with these arguments.
pub(crate) fn cluster(arguments: &[&str]) -> Command {
    let mut command = Command::new(repository().join("scripts/cluster"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// The folder of this repository.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}

/// Runs `scripts/cluster`; its output, or what it complains of.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<String> {
    said(cluster(arguments), &arguments.join(" "))
}

/// What a program on the node prints, byte by byte.
pub(crate) fn node_bytes(arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = cluster(&[&["node"], arguments].concat()).output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "on the node: {}: {complaint}", arguments.join(" "));
    Ok(output.stdout)
}

/// Runs kubectl; its output, or what it complains of.
pub(crate) fn kubectl(arguments: &[&str]) -> anyhow::Result<String> {
    run(&[&["kubectl"], arguments].concat())
}

/// Applies objects.
pub(crate) fn apply(objects: &Value) -> anyhow::Result<()> {
    let mut child = cluster(&["kubectl", "apply", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("standard input")?.write_all(objects.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "kubectl apply: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn said(mut command: Command, what: &str) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("scripts/cluster {what}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "scripts/cluster {what}: {}", complaint.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
