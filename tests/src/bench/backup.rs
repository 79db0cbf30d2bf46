// SPDX-License-Identifier: Apache-2.0
//! Kopia's snapshot of a tree: at the store itself over TLS, and through the proxy.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use testbed::{Oddities, Spawn, Store, StoreConfig, TreeSpec, generate};

use super::figure::{Compared, Figures, Unit};
use super::places;
use super::proxy::{Proxy, ProxyConfig};
use super::request::REGION;
use super::route::Route;
use super::say;
use super::series::Series;
use super::stage::Stage;

const PAIRS: usize = 5;
const MIB: u64 = 1024 * 1024;
/// Half of it in large files, the rest in files of 64 KiB on average.
const TREE: TreeSpec =
    TreeSpec { files: 2052, total_bytes: 256 * MIB, large_files: 4, oddities: Oddities::None };
const BUCKET: &str = "bucket";
/// No command should take longer.
const LIMIT: Duration = Duration::from_secs(300);
const GOAL: f64 = 1.0;

pub(super) fn measure(stage: &Stage, figures: &mut Figures) -> anyhow::Result<()> {
    let tree = stage.path("tree");
    generate(&tree, 3, TREE).context("the tree to back up")?;
    let mut wall = Series::default();
    // The first pair warms the page cache up and is not counted.
    for pair in 0..=PAIRS {
        say(&format!("kopia, pair {pair} of {PAIRS}"));
        let seconds = snapshot_pair(stage, &tree, pair)?;
        for (route, seconds) in seconds.into_iter().filter(|_| pair > 0) {
            wall.push(route, seconds);
        }
    }
    let name = "kopia snapshot of 256 MiB over TLS, wall".to_owned();
    let (unit, base) = (Unit::Seconds, Route::Direct);
    figures.compare(Compared { name, unit, base, series: wall }, Some(GOAL));
    Ok(())
}

/// One snapshot on each route, into a store of their own; who is first changes from pair to pair.
fn snapshot_pair(stage: &Stage, tree: &Path, pair: usize) -> anyhow::Result<[(Route, f64); 2]> {
    let folder = stage.path(&format!("pair-{pair}"));
    let store = Store::start(StoreConfig {
        tls: Some(&stage.ca),
        static_pairs: vec![stage.pair.clone()],
        ..StoreConfig::new(folder.join("store"))
    })?;
    let (ca, pair_held) = (&stage.ca, &stage.pair);
    let proxy =
        Proxy::start(&ProxyConfig { upstream: store.url(), ca, payload: "auto", pair: pair_held })?;
    let mut order = [Route::Direct, Route::Auto];
    order.rotate_left(pair % 2);
    let mut seconds = [(Route::Direct, 0.0); 2];
    for (route, place) in order.into_iter().zip(&mut seconds) {
        stage.interrupt.check()?;
        let home = folder.join(route.name());
        let kopia = match route {
            Route::Direct => Kopia::direct(stage, &store, home)?,
            _ => Kopia::proxied(&proxy, home)?,
        };
        *place = (route, kopia.snapshot(tree)?.as_secs_f64());
    }
    drop(store);
    std::fs::remove_dir_all(&folder).context("the store of a pair")?;
    Ok(seconds)
}

/// Real kopia with a home of its own: nothing of the user's kopia is read or written.
struct Kopia {
    program: PathBuf,
    home: PathBuf,
    endpoint: Vec<String>,
    access_key_id: String,
    secret: String,
}

impl Kopia {
    fn direct(stage: &Stage, store: &Store, home: PathBuf) -> anyhow::Result<Kopia> {
        let url = store.url();
        let at = url.trim_start_matches("https://");
        let ca = stage.ca.pem_path().display().to_string();
        let endpoint = ["--endpoint", at, "--root-ca-pem-path", &ca].map(str::to_owned);
        Ok(Kopia {
            program: places::kopia()?,
            home,
            endpoint: endpoint.to_vec(),
            access_key_id: stage.pair.access_key_id.clone(),
            secret: stage.pair.secret.clone(),
        })
    }

    fn proxied(proxy: &Proxy, home: PathBuf) -> anyhow::Result<Kopia> {
        let at = proxy.addr().to_string();
        let endpoint = ["--endpoint", &at, "--disable-tls"].map(str::to_owned);
        Ok(Kopia {
            program: places::kopia()?,
            home,
            endpoint: endpoint.to_vec(),
            access_key_id: proxy.caller().id.clone(),
            secret: proxy.caller().secret.clone(),
        })
    }

    /// Makes a repository and times the first snapshot into it.
    fn snapshot(&self, tree: &Path) -> anyhow::Result<Duration> {
        std::fs::create_dir_all(&self.home)?;
        let name = self.home.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!("{name}/");
        let create = ["repository", "create", "s3", "--region", REGION, "--bucket", BUCKET];
        self.run(self.command(&create).args(["--prefix", &prefix]).args(&self.endpoint))?;
        let begun = Instant::now();
        self.run(self.command(&["snapshot", "create"]).arg(tree))?;
        Ok(begun.elapsed())
    }

    fn command(&self, args: &[&str]) -> Spawn {
        let home = |name: &str| self.home.join(name);
        Spawn::new(&self.program)
            .clean_env()
            .env("HOME", &self.home)
            .env("KOPIA_CONFIG_PATH", home("repository.config"))
            .env("KOPIA_CACHE_DIRECTORY", home("cache"))
            .env("KOPIA_LOG_DIR", home("logs"))
            .env("KOPIA_PASSWORD", "bench")
            .env("KOPIA_USE_KEYRING", "false")
            .env("KOPIA_CHECK_FOR_UPDATES", "false")
            .env("AWS_ACCESS_KEY_ID", &self.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &self.secret)
            .args(args)
            .arg(OsStr::new("--no-progress"))
    }

    fn run(&self, command: Spawn) -> anyhow::Result<()> {
        let mut run = command.start()?;
        let status = run.wait(LIMIT)?;
        ensure!(status.success(), "kopia failed ({status})\n{}", run.story());
        Ok(())
    }
}
