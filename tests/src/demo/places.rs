// SPDX-License-Identifier: Apache-2.0
//! Where the programs are, and where the rows go.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

const KOPIA: &str = "PILOTFISH_KOPIA";
const ETCD: &str = "PILOTFISH_ETCD_3_6";

/// One of our programs, beside this very one.
pub(super) fn ours(name: &str) -> anyhow::Result<PathBuf> {
    let path = own()?.with_file_name(name);
    let cure = format!("cargo build --release -p {name}");
    ensure!(path.is_file(), "{} is missing: run {cure}", path.display());
    Ok(path)
}

/// The real etcd; asked for early, used late.
pub(super) fn etcd() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os(ETCD).map(PathBuf::from).filter(|path| path.is_file());
    path.with_context(|| {
        format!("no etcd: {ETCD} must name its program (scripts/tools --env etcd-3.6)")
    })
}

/// Kopia from the environment, else the pinned one.
pub(super) fn kopia() -> anyhow::Result<PathBuf> {
    match std::env::var_os(KOPIA).filter(|path| !path.is_empty()) {
        Some(path) => {
            let path = PathBuf::from(path);
            ensure!(path.is_file(), "{KOPIA} names {}, which is no file", path.display());
            Ok(path)
        }
        None => pinned_kopia(),
    }
}

fn pinned_kopia() -> anyhow::Result<PathBuf> {
    let own = own()?;
    let tools = own.ancestors().map(|folder| folder.join("scripts/tools"));
    let tools = tools.into_iter().find(|path| path.is_file());
    let tools = tools.with_context(|| format!("no kopia: set {KOPIA} to its path"))?;
    let said = Command::new(&tools).args(["--path", "kopia"]).output();
    let said = said.with_context(|| format!("{} does not start", tools.display()))?;
    let why = String::from_utf8_lossy(&said.stderr);
    ensure!(said.status.success(), "no kopia: {} says: {}", tools.display(), why.trim());
    Ok(PathBuf::from(OsStr::from_bytes(said.stdout.trim_ascii())))
}

/// A file to be in cargo's `target`, which this program lies in. An earlier one is removed: a run
/// that fails on its way must not leave another run's rows.
pub(super) fn in_target(name: &str) -> anyhow::Result<PathBuf> {
    let path = crate::target::of(&own()?)?.join(name);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be replaced", path.display()))
        }
        _ => Ok(path),
    }
}

fn own() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("the path of this very program")
}
