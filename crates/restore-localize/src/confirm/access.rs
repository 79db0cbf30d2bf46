// SPDX-License-Identifier: Apache-2.0
//! From files to what lets us in.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use etcd_rpc::{Access, User};
use sidecar::{Exit, Failure};
use zeroize::Zeroizing;

use crate::confirm::plan::AccessFiles;

/// More than any certificate, key or password, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// Reads the files.
///
/// # Errors
/// [`Exit::Usage`] for one that cannot be read.
pub(crate) fn read(files: &AccessFiles) -> anyhow::Result<Access> {
    all(files).map_err(|error| Failure::new(Exit::Usage, error))
}

fn all(files: &AccessFiles) -> anyhow::Result<Access> {
    let ca = files.cacert.as_deref().map(|path| small("--cacert", path)).transpose()?;
    let identity = match &files.identity {
        Some((cert, key)) => Some((small("--cert", cert)?.to_vec(), small("--key", key)?)),
        None => None,
    };
    let user = match &files.user {
        Some((name, file)) => Some(User { name: name.clone(), password: password(file)? }),
        None => None,
    };
    Ok(Access { ca: ca.map(|pem| pem.to_vec()), identity, user })
}

fn password(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let bytes = small("--password-file", file)?;
    let text = std::str::from_utf8(&bytes).context("--password-file is not text")?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn small(flag: &str, path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let at = || format!("{flag} {}", path.display());
    let about = fs::metadata(path).with_context(at)?;
    anyhow::ensure!(about.is_file() && about.len() <= LIMIT, "{}: not a small regular file", at());
    fs::read(path).map(Zeroizing::new).with_context(at)
}
