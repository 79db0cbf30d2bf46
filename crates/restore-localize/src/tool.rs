// SPDX-License-Identifier: Apache-2.0
//! etcd's own tool, of the same image as the etcd that will boot: `etcdutl`, or `etcdctl` until 3.5.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use rustix::process::{Pid, Signal, kill_process_group};
use sidecar::{Exit, Failure};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use crate::bump::Bump;
use crate::member::variable;
use crate::version::Version;
use crate::voters::Voters;

/// Where etcd's images have it.
const USUAL: &str = "/usr/local/bin";
/// So much of its last words is kept, in bytes.
const WORDS: usize = 8 * 1024;
/// And so much is told.
const TOLD: usize = 600;
/// A killed process is gone within moments, unless its disk hangs.
const DYING: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(1);

/// A tool that runs.
#[derive(Debug, Clone)]
pub(crate) struct Tool {
    pub(crate) path: PathBuf,
    pub(crate) version: Version,
    /// Whether it can raise revisions.
    pub(crate) bumps: bool,
}

/// What it makes.
#[derive(Debug)]
pub(crate) struct Making<'a> {
    pub(crate) snapshot: &'a Path,
    /// Must not be there yet.
    pub(crate) into: &'a Path,
    pub(crate) name: &'a str,
    pub(crate) urls: &'a [String],
    pub(crate) voters: &'a Voters,
    pub(crate) token: &'a str,
    pub(crate) bump: Bump,
    pub(crate) trailer: TrailerSum,
}

/// Who proves the file by the sum in its trailer. The bytes were digested on their way into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrailerSum {
    /// The tool: nothing else is known of what the file must hold.
    Tool,
    /// Its keys are read beside the tool and held against their hash in the manifest: a second pass over the
    /// same bytes would find nothing more.
    Manifest,
}

impl Tool {
    /// Finds it and asks what it can do, before anything is fetched.
    ///
    /// # Errors
    /// [`Exit::Usage`].
    pub(crate) async fn find(flag: Option<&Path>) -> anyhow::Result<Self> {
        let unusable = |why: String| Failure::new(Exit::Usage, anyhow!(why));
        let path = match flag {
            Some(path) => path.to_owned(),
            None => found().ok_or_else(|| {
                unusable(format!("neither etcdutl nor etcdctl is in PATH or {USUAL}: does this run in etcd's image? --tool says where it is"))
            })?,
        };
        let shown = path.display().to_string();
        let told =
            run(&path, ["version"]).await.map_err(|why| unusable(format!("{shown}: {why}")))?;
        let version = version_in(&told)
            .ok_or_else(|| unusable(format!("{shown} does not tell its version: {told}")))?;
        let is_ctl =
            path.file_name().and_then(OsStr::to_str).is_some_and(|it| it.contains("etcdctl"));
        if is_ctl && version >= Version::V3_6 {
            return Err(unusable(format!(
                "{shown} is of {version}, whose etcdctl restores no more: --tool must be its etcdutl"
            )));
        }
        let help = run(&path, ["snapshot", "restore", "--help"]).await;
        let help = help.map_err(|why| unusable(format!("{shown} cannot restore: {why}")))?;
        Ok(Self { path, version, bumps: help.contains("--bump-revision") })
    }

    /// What becomes of revisions: a tool that cannot raise them keeps them.
    pub(crate) fn able(&self, asked: Bump) -> Bump {
        if self.bumps { asked } else { Bump::Keep }
    }

    /// Makes a member.
    ///
    /// # Errors
    /// [`Exit::Temporary`] for a full disk; [`Exit::Failed`] with its last words.
    pub(crate) async fn make(&self, making: &Making<'_>) -> anyhow::Result<()> {
        let mut command = self.command();
        command.args(["snapshot", "restore"]).arg(making.snapshot);
        command.arg("--data-dir").arg(making.into).args(["--name", making.name]);
        command.args(["--initial-cluster", &making.voters.to_string()]);
        command.args(["--initial-cluster-token", making.token]);
        command.args(["--initial-advertise-peer-urls", &making.urls.join(",")]);
        if let Bump::By(by) = making.bump {
            command.args(["--bump-revision", &by.to_string(), "--mark-compacted"]);
        }
        if making.trailer == TrailerSum::Manifest {
            command.arg("--skip-hash-check");
        }
        let said = said(command).await;
        said.map(drop).map_err(|Trouble { why, words }| {
            let is_full =
                ["no space left", "disk quota exceeded"].iter().any(|it| words.contains(it));
            let exit = if is_full { Exit::Temporary } else { Exit::Failed };
            Failure::new(exit, anyhow!("{self}: {why}"))
        })
    }

    fn command(&self) -> Command {
        command(&self.path)
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.version)
    }
}

fn found() -> Option<PathBuf> {
    let path = variable("PATH").unwrap_or_default();
    let folders = || std::env::split_paths(&path).chain([PathBuf::from(USUAL)]);
    let named = |name: &'static str| folders().map(move |folder| folder.join(name));
    named("etcdutl").chain(named("etcdctl")).find(|path| path.is_file())
}

/// It needs no environment, and gets none: what the pod knows is not its business.
fn command(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.env_clear().env("ETCDCTL_API", "3").process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn run<const N: usize>(path: &Path, args: [&str; N]) -> Result<String, String> {
    let mut command = command(path);
    command.args(args);
    said(command).await.map_err(|trouble| trouble.why)
}

/// Why it has not done what it was asked.
struct Trouble {
    /// For people.
    why: String,
    /// All that is kept of what it said: a panic tells its cause long before its last word.
    words: String,
}

impl Trouble {
    fn silent(why: String) -> Self {
        Self { why, words: String::new() }
    }
}

/// What it says, if it ends well.
async fn said(mut command: Command) -> Result<String, Trouble> {
    let child =
        command.spawn().map_err(|error| Trouble::silent(format!("cannot be run: {error}")))?;
    let Leashed(child) = &mut Leashed(child);
    let (out, err) = tokio::join!(tail(child.stdout.take()), tail(child.stderr.take()));
    let status = child.wait().await.map_err(|error| Trouble::silent(error.to_string()))?;
    if status.success() {
        return Ok(out + &err);
    }
    let why = format!("it ended with {status}: {}", last_words(&err));
    Err(Trouble { why, words: err })
}

/// A child that does not outlive the wait for it, nor does what it has started: whoever stops waiting
/// may take its files away.
struct Leashed(Child);

impl Drop for Leashed {
    fn drop(&mut self) {
        // Once its end was seen, its number may be somebody else's.
        let Some(id) = self.0.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) else {
            return;
        };
        if let Err(error) = kill_process_group(id, Signal::KILL) {
            tracing::warn!(error = %error, "etcd's tool cannot be stopped");
        }
        let until = Instant::now() + DYING;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(LOOK);
        }
    }
}

/// The last bytes of a pipe, which is read to its end.
async fn tail(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else { return String::new() };
    let mut piece = vec![0; 4096];
    while let Ok(read @ 1..) = pipe.read(&mut piece).await {
        kept.extend_from_slice(&piece[..read]);
        let excess = kept.len().saturating_sub(WORDS);
        kept.drain(..excess);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn last_words(text: &str) -> String {
    let text = text.trim();
    let start = text.len().saturating_sub(TOLD);
    let start = (start..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[start..].to_owned()
}

/// Of `etcdutl version: 3.6.16`.
fn version_in(text: &str) -> Option<Version> {
    let line = text.lines().find(|line| line.contains("version:"))?;
    Version::of(line.rsplit(':').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_the_tools_print() {
        let of = |text| version_in(text).map(|it| it.to_string());
        assert_eq!(of("etcdutl version: 3.6.16\nAPI version: 3.6\n").as_deref(), Some("3.6"));
        assert_eq!(of("etcdctl version: 3.4.23\nAPI version: 3.4\n").as_deref(), Some("3.4"));
        assert_eq!(of("no such thing"), None);
    }
}
