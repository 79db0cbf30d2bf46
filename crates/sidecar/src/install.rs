// SPDX-License-Identifier: Apache-2.0
//! `BINARY install DIR`: the way into a container whose image has neither us nor a shell.
//!
//! An init container of our image copies the static binary into a volume that both mount.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, anyhow, bail};
use rustix::fs::StatVfsMountFlags;

use crate::{Exit, Failure, Outcome};

/// Copies this program into the one directory that the arguments behind the word `install` name, and
/// runs it once from there.
///
/// # Errors
/// [`Exit::Usage`], or [`Exit::Unavailable`]: then the directory is as it was, or holds a whole program
/// that cannot be run there.
pub(crate) fn run(name: &str, mut args: impl Iterator<Item = OsString>) -> anyhow::Result<Outcome> {
    match (args.next(), args.next()) {
        (Some(dir), None) if !dir.as_bytes().starts_with(b"-") => {
            install(name, Path::new(&dir)).map_err(|error| Failure::new(Exit::Unavailable, error))
        }
        _ => Err(Failure::new(
            Exit::Usage,
            anyhow!(
                "usage: {name} install DIR, where DIR is a volume that the other container mounts too"
            ),
        )),
    }
}

fn install(name: &str, dir: &Path) -> anyhow::Result<Outcome> {
    let target = dir.join(name);
    let shown = target.display();
    let size = copy(dir, &target).with_context(|| format!("{shown} cannot be written"))?;
    let run = Command::new(&target).arg("--version").output();
    let run =
        run.map_err(|error| anyhow!("{shown} cannot be run: {}", why_not(&target, &error)))?;
    if !run.status.success() {
        bail!("{shown} was copied but fails to run: {}", run.status);
    }
    let version = String::from_utf8_lossy(&run.stdout);
    Ok(Outcome::done(format!("installed {shown} ({size} bytes), {}", version.trim())))
}

/// Whole or not there, also over an older one that runs.
fn copy(dir: &Path, target: &Path) -> io::Result<u64> {
    let mut file = tempfile::Builder::new().prefix(".pilotfish-").tempfile_in(dir)?;
    let size = io::copy(&mut File::open("/proc/self/exe")?, &mut file)?;
    file.as_file().set_permissions(Permissions::from_mode(0o755))?;
    file.persist(target).map_err(|error| error.error)?;
    Ok(size)
}

fn why_not(target: &Path, error: &io::Error) -> String {
    let mount = rustix::fs::statvfs(target);
    let is_noexec = mount.is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::NOEXEC));
    match error.kind() {
        ErrorKind::PermissionDenied if is_noexec => {
            "its volume is mounted noexec; use an emptyDir, or a mount without that option"
                .to_owned()
        }
        ErrorKind::NotFound => {
            "it is linked against libraries that are not here; install the static build".to_owned()
        }
        _ => error.to_string(),
    }
}
