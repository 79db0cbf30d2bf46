// SPDX-License-Identifier: Apache-2.0
//! Child processes under test: started, watched with a deadline, measured, and never left behind.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(3);
/// `/proc/PID/stat` counts in hundredths of a second on Linux, whatever the kernel's own rate.
const TICK: Duration = Duration::from_millis(10);

/// Waits until a condition holds; an error names what was waited for.
pub fn wait_until(
    within: Duration,
    what: &str,
    mut condition: impl FnMut() -> bool,
) -> anyhow::Result<()> {
    let until = Instant::now() + within;
    while !condition() {
        if Instant::now() > until {
            bail!("not within {within:?}: {what}");
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// A process to be.
#[derive(Clone, Debug)]
pub struct Spawn {
    program: PathBuf,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    inherit: Inherit,
    dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inherit {
    Environment,
    Nothing,
}

impl Spawn {
    /// A program by its path.
    pub fn new(program: impl Into<PathBuf>) -> Spawn {
        let (args, envs) = (Vec::new(), Vec::new());
        Spawn { program: program.into(), args, envs, inherit: Inherit::Environment, dir: None }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Spawn {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Spawn {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// One more variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Spawn {
        self.envs.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// More variables.
    pub fn envs(
        mut self,
        envs: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> Spawn {
        let owned = |text: &dyn AsRef<OsStr>| text.as_ref().to_owned();
        self.envs.extend(envs.into_iter().map(|(name, value)| (owned(&name), owned(&value))));
        self
    }

    /// Passes on nothing of the test's own environment, PATH excepted.
    pub fn clean_env(mut self) -> Spawn {
        self.inherit = Inherit::Nothing;
        self
    }

    /// Where it runs.
    pub fn current_dir(mut self, dir: impl Into<PathBuf>) -> Spawn {
        self.dir = Some(dir.into());
        self
    }

    /// Starts it, its output going to files.
    pub fn start(self) -> anyhow::Result<Running> {
        let logs = tempfile::Builder::new().prefix("testbed-run-").tempdir()?;
        let mut command = Command::new(&self.program);
        if self.inherit == Inherit::Nothing {
            command.env_clear();
            command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        }
        command.args(&self.args).envs(self.envs.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command.stdin(Stdio::null());
        command.stdout(File::create(logs.path().join("stdout"))?);
        command.stderr(File::create(logs.path().join("stderr"))?);
        let child = command
            .spawn()
            .with_context(|| format!("{} does not start", self.program.display()))?;
        Ok(Running { child, logs, program: self.program })
    }
}

/// A running process; it is killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    logs: tempfile::TempDir,
    program: PathBuf,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Memory now.
    pub rss_bytes: u64,
    /// The most memory at any time.
    pub peak_rss_bytes: u64,
    /// Processor time, user and system, to a hundredth of a second.
    pub cpu: Duration,
}

impl Running {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        self.log("stdout")
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        self.log("stderr")
    }

    fn log(&self, name: &str) -> String {
        let bytes = std::fs::read(self.logs.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Its exit status, if it has ended.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        let mut status = None;
        let what = format!("{} ends", self.program.display());
        wait_until(within, &what, || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        })
        .with_context(|| self.story())?;
        status.context("the status was seen by the condition")
    }

    /// Waits until a condition holds; fails at once when the process ends before.
    pub fn wait_until(
        &mut self,
        within: Duration,
        what: &str,
        mut condition: impl FnMut(&Running) -> bool,
    ) -> anyhow::Result<()> {
        let until = Instant::now() + within;
        loop {
            // In this order, so that a condition counts that held just before the end.
            let ended = self.exited();
            if condition(self) {
                return Ok(());
            }
            if let Some(status) = ended {
                bail!("ended ({status}) before {what}\n{}", self.story());
            }
            if Instant::now() > until {
                bail!("not within {within:?}: {what}\n{}", self.story());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until a file is there and is not empty.
    pub fn wait_for_file(&mut self, path: &Path, within: Duration) -> anyhow::Result<()> {
        let what = format!("{} appears", path.display());
        self.wait_until(within, &what, |_| {
            std::fs::metadata(path).is_ok_and(|about| about.len() > 0)
        })
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)
    }

    /// Sends SIGINT.
    pub fn interrupt(&self) -> anyhow::Result<()> {
        self.signal(Signal::INT)
    }

    /// Stops it in its tracks (SIGSTOP): its sockets stay, and nothing answers.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on after [`Running::pause`].
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Kills it and waits for its end.
    pub fn kill(&mut self) -> anyhow::Result<ExitStatus> {
        self.child.kill()?;
        Ok(self.child.wait()?)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = i32::try_from(self.child.id())?;
        let pid = Pid::from_raw(id).context("a child has a process id above zero")?;
        kill_process(pid, signal).with_context(|| format!("{} is gone", self.program.display()))
    }

    /// What it has used so far, from `/proc`.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.child.id())
    }

    /// What it wrote, for the message of a failed test.
    pub fn story(&self) -> String {
        let name = self.program.display();
        format!("--- {name} stdout\n{}--- {name} stderr\n{}", self.stdout(), self.stderr())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago, which is as good.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Usage {
    /// What a process has used so far.
    pub fn of(process: u32) -> anyhow::Result<Usage> {
        let read = |name: &str| {
            let path = format!("/proc/{process}/{name}");
            std::fs::read_to_string(&path).with_context(|| format!("{path} is unreadable"))
        };
        let (status, stat) = (read("status")?, read("stat")?);
        let kib = |name: &str| -> Option<u64> {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        // The second field is the program's name and may hold anything, so count behind it.
        let fields: Vec<&str> = match stat.rsplit_once(')') {
            Some((_, rest)) => rest.split_whitespace().collect(),
            None => bail!("/proc/{process}/stat has an unknown form"),
        };
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u32>().ok());
        let cpu = ticks(11).zip(ticks(12)).map(|(user, system)| TICK * (user + system));
        Ok(Usage {
            rss_bytes: kib("VmRSS:").context("no VmRSS: a process that has ended")? * 1024,
            peak_rss_bytes: kib("VmHWM:").context("no VmHWM: a process that has ended")? * 1024,
            cpu: cpu.context("no processor times")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn output_and_exit_code_are_kept() {
        let script = "echo out; echo err >&2; exit 7";
        let mut run = Spawn::new("sh").args(["-c", script]).start().unwrap();
        assert_eq!(run.wait(LONG).unwrap().code(), Some(7));
        assert_eq!((run.stdout().as_str(), run.stderr().as_str()), ("out\n", "err\n"));
    }

    #[test]
    fn waiting_for_a_process_that_ended_fails_at_once_and_tells_its_story() {
        let mut run = Spawn::new("sh").args(["-c", "echo why; exit 3"]).start().unwrap();
        let begun = Instant::now();
        let error = run.wait_until(LONG, "it is ready", |_| false).unwrap_err().to_string();
        assert!(error.contains("ended") && error.contains("why"), "{error}");
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn a_dropped_process_is_gone_and_a_running_one_is_measured() {
        let run = Spawn::new("sleep").arg("600").start().unwrap();
        let usage = run.usage().unwrap();
        assert!(usage.peak_rss_bytes >= usage.rss_bytes.min(4096), "{usage:?}");
        let id = run.id();
        drop(run);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }

    #[test]
    fn sigterm_reaches_the_process() {
        let script = "trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.01; done";
        let mut run = Spawn::new("sh").args(["-c", script]).start().unwrap();
        run.wait_until(LONG, "the trap is set", |run| run.stdout().contains("ready")).unwrap();
        run.terminate().unwrap();
        assert_eq!(run.wait(LONG).unwrap().code(), Some(5));
    }

    #[test]
    fn a_clean_environment_holds_what_was_given_and_no_more() {
        let run = Spawn::new("env").clean_env().env("ONLY", "this").start();
        let mut run = run.unwrap();
        run.wait(LONG).unwrap();
        let names: Vec<String> = run
            .stdout()
            .lines()
            .filter_map(|line| line.split_once('=').map(|(name, _)| name.to_owned()))
            .collect();
        assert!(names.contains(&"ONLY".to_owned()), "{names:?}");
        assert!(names.iter().all(|name| ["ONLY", "PATH"].contains(&name.as_str())), "{names:?}");
    }
}
