// SPDX-License-Identifier: Apache-2.0
//! Where the programs are, and where the figures go.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

/// The program itself, which is also the origin.
pub(super) fn own() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("the path of this very program")
}

/// The proxy beside this very program.
pub(super) fn proxy() -> anyhow::Result<PathBuf> {
    ours("s3-resign-proxy")
}

/// One of our programs, beside this very one.
pub(super) fn ours(name: &str) -> anyhow::Result<PathBuf> {
    let path = own()?.with_file_name(name);
    let cure = format!("cargo build --release -p {name}");
    ensure!(path.is_file(), "{} is missing: run {cure}", path.display());
    Ok(path)
}

pub(super) fn kopia() -> anyhow::Result<PathBuf> {
    tool("kopia", "PILOTFISH_KOPIA")
}

pub(super) fn haproxy() -> anyhow::Result<PathBuf> {
    tool("haproxy", "PILOTFISH_HAPROXY")
}

/// A program from the environment, else the pinned one.
pub(super) fn tool(name: &str, variable: &str) -> anyhow::Result<PathBuf> {
    match std::env::var_os(variable).filter(|path| !path.is_empty()) {
        Some(path) => {
            let path = PathBuf::from(path);
            ensure!(path.is_file(), "{variable} names {}, which is no file", path.display());
            Ok(path)
        }
        None => pinned(name).with_context(|| format!("no {name}: set {variable} to its path")),
    }
}

fn pinned(name: &str) -> anyhow::Result<PathBuf> {
    let tools = in_repository("scripts/tools")?;
    let said = Command::new(&tools).args(["--path", name]).output();
    let said = said.with_context(|| format!("{} does not start", tools.display()))?;
    let why = String::from_utf8_lossy(&said.stderr);
    ensure!(said.status.success(), "{} says: {}", tools.display(), why.trim());
    Ok(PathBuf::from(OsStr::from_bytes(said.stdout.trim_ascii())))
}

/// The page that holds the tables.
pub(super) fn docs() -> anyhow::Result<PathBuf> {
    in_repository("docs/performance.md")
}

/// A file of the repository in whose `target` this program lies.
fn in_repository(name: &str) -> anyhow::Result<PathBuf> {
    let own = own()?;
    let mut candidates = own.ancestors().map(|folder| folder.join(name));
    let found = candidates.find(|path| path.is_file());
    found.with_context(|| format!("no {name} in a folder above {}", own.display()))
}

/// A file in cargo's `target`, which this program lies in.
pub(super) fn in_target(name: &str) -> anyhow::Result<PathBuf> {
    Ok(crate::target::of(&own()?)?.join(name))
}
