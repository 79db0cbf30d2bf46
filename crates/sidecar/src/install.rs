// SPDX-License-Identifier: Apache-2.0
//! `BINARY install DIR`: the way into a container whose image has neither us nor a shell.
//!
//! An init container of our image copies the static binary into a volume that both mount.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, anyhow};
use clap::Parser;
use rustix::fs::StatVfsMountFlags;

use crate::{Exit, Failure, Outcome};

/// Copies this program into a directory that another container mounts too, and runs it once from there.
#[derive(Debug, clap::Parser)]
struct InstallArgs {
    /// The directory, such as the mount of an emptyDir
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Installs by the arguments behind the word `install`; nothing to do for `--help`.
///
/// # Errors
/// What is wrong with the arguments ([`Exit::Usage`]) or with the directory ([`Exit::Unavailable`]); then
/// the directory is as it was, or holds a whole program that cannot be run there.
pub(crate) fn run(
    name: &'static str,
    args: impl Iterator<Item = OsString>,
) -> anyhow::Result<Option<Outcome>> {
    let shown = OsString::from(format!("{name} install"));
    match InstallArgs::try_parse_from(std::iter::once(shown).chain(args)) {
        Ok(args) => install(name, &args.dir)
            .map(Some)
            .map_err(|error| Failure::new(Exit::Unavailable, error)),
        Err(error) if error.use_stderr() => {
            Err(Failure::new(Exit::Usage, anyhow!(error.to_string().trim().to_owned())))
        }
        Err(error) => {
            let _ = error.print();
            Ok(None)
        }
    }
}

fn install(name: &str, dir: &Path) -> anyhow::Result<Outcome> {
    let target = dir.join(name);
    let size = copy(dir, &target).with_context(|| why_not_copied(dir, &target))?;
    match Command::new(&target).arg("--version").output() {
        Ok(run) if run.status.success() => {
            let version = String::from_utf8_lossy(&run.stdout).trim().to_owned();
            let sentence = format!("installed {} ({size} bytes), {version}", target.display());
            Ok(Outcome::done(sentence))
        }
        Ok(run) => Err(anyhow!("{} was copied but fails to run: {}", target.display(), run.status)),
        Err(error) => Err(anyhow!(why_not_run(&target, &error))),
    }
}

/// Whole or not there, also over an older one that runs.
fn copy(dir: &Path, target: &Path) -> io::Result<u64> {
    let mut file = tempfile::Builder::new().prefix(".pilotfish-").tempfile_in(dir)?;
    let size = io::copy(&mut File::open("/proc/self/exe")?, &mut file)?;
    file.as_file().set_permissions(Permissions::from_mode(0o755))?;
    file.persist(target).map_err(|error| error.error)?;
    Ok(size)
}

fn why_not_copied(dir: &Path, target: &Path) -> String {
    let cannot = format!("{} cannot be written", target.display());
    match std::fs::metadata(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            format!(
                "{cannot}: there is no directory {}; is the volume mounted here?",
                dir.display()
            )
        }
        Ok(metadata) if !metadata.is_dir() => {
            format!("{cannot}: {} is no directory", dir.display())
        }
        _ => cannot,
    }
}

fn why_not_run(target: &Path, error: &io::Error) -> String {
    let path = target.display();
    let is_noexec = rustix::fs::statvfs(target)
        .is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::NOEXEC));
    match error.kind() {
        ErrorKind::PermissionDenied if is_noexec => format!(
            "{path} was copied but cannot be run: its volume is mounted noexec; use an emptyDir, or a mount without that option"
        ),
        ErrorKind::NotFound => format!(
            "{path} was copied but cannot be run: it is linked against libraries that are not here; install the static build"
        ),
        _ => format!("{path} was copied but cannot be run: {error}"),
    }
}
