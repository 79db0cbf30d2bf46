// SPDX-License-Identifier: Apache-2.0
//! Real kopia, with a home of its own. In the pod it is started by `run-with`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use testbed::Spawn;

use crate::ground::{BUCKET, Ground, REGION};
use crate::process::Process;
use crate::proxy::Proxy;

/// Far beyond what a command takes when nothing is wrong for good.
pub(crate) const LIMIT: Duration = Duration::from_secs(180);

/// What `repository create` and `repository connect` are told alike.
pub(crate) const REPOSITORY: [&str; 10] = [
    "--bucket",
    BUCKET,
    "--region",
    REGION,
    "--disable-tls",
    "--no-persist-credentials",
    // Small, so that a restore reads from the store.
    "--content-cache-size-mb",
    "1",
    "--content-cache-size-limit-mb",
    "2",
];

/// Kopia's folders.
pub(crate) struct Home(PathBuf);

impl Home {
    pub(crate) fn new(at: PathBuf) -> anyhow::Result<Home> {
        std::fs::create_dir_all(&at)?;
        Ok(Home(at))
    }

    /// A command, whichever it is, that knows them.
    pub(crate) fn of(&self, command: Spawn) -> Spawn {
        let home = |name: &str| self.0.join(name);
        command
            .env("HOME", &self.0)
            .env("KOPIA_CONFIG_PATH", home("repository.config"))
            .env("KOPIA_CACHE_DIRECTORY", home("cache"))
            .env("KOPIA_LOG_DIR", home("logs"))
            .env("KOPIA_USE_KEYRING", "false")
            .env("KOPIA_CHECK_FOR_UPDATES", "false")
    }

    /// Runs a command that must succeed; what it printed.
    pub(crate) fn run(&self, command: Spawn) -> anyhow::Result<String> {
        let mut run = command.start()?;
        let status = run.wait(LIMIT)?;
        ensure!(status.success(), "kopia ended with {status}\n{}", run.story());
        Ok(run.stdout())
    }
}

/// The pod's container: finds the repository, by the password that the broker gives.
pub(crate) fn connect(
    ground: &Ground,
    broker: &str,
    proxy: &Proxy,
    kopia: &Path,
) -> anyhow::Result<Process> {
    let home = Home::new(ground.path("kopia"))?;
    let password = ground.path("password");
    let command = home
        .of(ground.program("run-with", "connect")?)
        .arg("--wait-for")
        .arg(proxy.port_file())
        .args(["--broker", broker])
        .args(ground.asks())
        .arg("--repo-password-file")
        .arg(&password)
        .args(unlocked(&password, proxy))
        .arg(kopia)
        .args(["repository", "connect", "s3", "--readonly", "--endpoint", &proxy.endpoint()?])
        .args(REPOSITORY);
    Process::start(ground, "connect", command)
}

/// The pod's container: restores the snapshot to the folder `restored`.
pub(crate) fn restore(ground: &Ground, proxy: &Proxy, kopia: &Path) -> anyhow::Result<Process> {
    let home = Home::new(ground.path("kopia"))?;
    let command = home
        .of(ground.program("run-with", "restore")?)
        .args(unlocked(&ground.path("password"), proxy))
        .arg(kopia)
        .args(["snapshot", "restore", &ground.seed.snapshot, "--no-progress"])
        .arg(ground.path("restored"));
    Process::start(ground, "restore", command)
}

/// With the password and the callers' pair in the environment.
fn unlocked(password: &Path, proxy: &Proxy) -> [String; 5] {
    let pair = proxy.pair_file().display().to_string();
    let password = format!("KOPIA_PASSWORD=@{}", password.display());
    ["--env-file".to_owned(), pair, "--env".to_owned(), password, "--".to_owned()]
}
