// SPDX-License-Identifier: Apache-2.0
//! The pair that callers sign with: fixed, or made once and kept over restarts.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use anyhow::Context;
use credential::Secret;
use sidecar::{Exit, Failure, replace_file};

use crate::config::CallerConfig;

/// Who may read the files: the neighbour, by its group.
const MODE: u32 = 0o640;
/// The key id of a run whose files hold the document's token alone.
const DOCUMENT_ID: &str = "PFDOCUMENT";
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The accepted pair. A fixed secret that changes is accepted beside the one before it, because the
/// neighbour keeps what it started with.
pub(crate) struct Caller {
    access_key_id: String,
    secrets: RwLock<Secrets>,
    secret_file: Option<PathBuf>,
    config: CallerConfig,
}

struct Secrets {
    current: Secret,
    previous: Option<Secret>,
}

/// What the neighbour needs besides the pair.
pub(crate) struct Endpoint<'a> {
    pub(crate) url: &'a str,
    pub(crate) region: &'a str,
    /// Set where credentials themselves are served: the document's URL.
    pub(crate) document: Option<&'a str>,
}

impl Caller {
    /// The fixed pair, else the one an earlier run left in its files, else a new random one.
    pub(crate) fn open(config: CallerConfig) -> anyhow::Result<Self> {
        if let Some(fixed) = config.fixed.clone() {
            let secret = read_secret(&fixed.secret_file)?;
            return Ok(Self::new(fixed.access_key_id, secret, Some(fixed.secret_file), config));
        }
        let (id, secret) = match kept_pair(&config)? {
            Some(pair) => pair,
            None => (random_text("PF", 18)?, Secret::new(random_text("", 40)?)),
        };
        Ok(Self::new(id, secret, None, config))
    }

    fn new(
        access_key_id: String,
        current: Secret,
        secret_file: Option<PathBuf>,
        config: CallerConfig,
    ) -> Self {
        let secrets = RwLock::new(Secrets { current, previous: None });
        Self { access_key_id, secrets, secret_file, config }
    }

    pub(crate) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The secrets to try, newest first.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(&secrets.current).chain(&secrets.previous).cloned().collect()
    }

    /// Reads a fixed secret again; a file that cannot be read leaves the old one in force.
    pub(crate) fn reread(&self) -> anyhow::Result<()> {
        let Some(path) = &self.secret_file else { return Ok(()) };
        let fresh = read_secret(path)?;
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        if fresh.expose() != secrets.current.expose() {
            let old = std::mem::replace(&mut secrets.current, fresh);
            secrets.previous = Some(old);
        }
        Ok(())
    }

    /// Writes the neighbour's files, each atomically.
    pub(crate) fn write_files(&self, endpoint: &Endpoint<'_>) -> anyhow::Result<()> {
        let secrets = self.secrets();
        let secret = secrets.first().map(Secret::expose).unwrap_or_default();
        if let Some(path) = &self.config.env_file {
            write(path, &self.env_text(secret, endpoint))?;
        }
        if let Some(path) = &self.config.credentials_file {
            let id = &self.access_key_id;
            write(
                path,
                &format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"),
            )?;
        }
        Ok(())
    }

    /// An SDK prefers a static pair to a document, so the file holds one or the other.
    fn env_text(&self, secret: &str, endpoint: &Endpoint<'_>) -> String {
        let Endpoint { url, region, document } = endpoint;
        let id = &self.access_key_id;
        match document {
            None => format!(
                "AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\nAWS_ENDPOINT_URL_S3={url}\nAWS_REGION={region}\n"
            ),
            Some(document) => format!(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI={document}\nAWS_CONTAINER_AUTHORIZATION_TOKEN={secret}\nAWS_REGION={region}\n"
            ),
        }
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    replace_file(path, text.as_bytes(), MODE)
        .with_context(|| format!("writing the callers' file {}", path.display()))
}

fn read_secret(path: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("reading --caller-secret-file {}", path.display()))
        .map_err(|error| Failure::new(Exit::Usage, error))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        let error = anyhow::anyhow!("--caller-secret-file {} is empty", path.display());
        return Err(Failure::new(Exit::Usage, error));
    }
    Ok(Secret::new(secret.to_owned()))
}

/// The pair in the files of an earlier run.
fn kept_pair(config: &CallerConfig) -> anyhow::Result<Option<(String, Secret)>> {
    for path in [&config.env_file, &config.credentials_file].into_iter().flatten() {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                if let Some(pair) = parse_pair(&text) {
                    return Ok(Some(pair));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("reading the kept pair in {}", path.display()));
            }
        }
    }
    Ok(None)
}

/// Finds the pair in either file form; names are compared without case.
fn parse_pair(text: &str) -> Option<(String, Secret)> {
    let value = |wanted: &str| {
        text.lines().filter_map(|line| line.split_once('=')).find_map(|(name, value)| {
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let token = value("aws_container_authorization_token");
    let id =
        value("aws_access_key_id").or_else(|| token.as_ref().map(|_| DOCUMENT_ID.to_owned()))?;
    let secret = value("aws_secret_access_key").or(token)?;
    (!id.is_empty() && !secret.is_empty()).then(|| (id, Secret::new(secret)))
}

fn random_text(prefix: &str, length: usize) -> anyhow::Result<String> {
    let mut bytes = vec![0_u8; length];
    getrandom::fill(&mut bytes).context("random bytes for the callers' key")?;
    let text = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Ok(prefix.chars().chain(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FixedPair;

    const ENDPOINT: Endpoint<'static> =
        Endpoint { url: "http://[::1]:1", region: "r", document: None };

    fn config(dir: &Path) -> CallerConfig {
        CallerConfig {
            fixed: None,
            env_file: Some(dir.join("env")),
            credentials_file: Some(dir.join("credentials")),
        }
    }

    #[test]
    fn a_restart_keeps_the_callers_pair() {
        let dir = tempfile::tempdir().unwrap();
        let first = Caller::open(config(dir.path())).unwrap();
        first.write_files(&ENDPOINT).unwrap();
        std::fs::remove_file(dir.path().join("env")).unwrap();
        let second = Caller::open(config(dir.path())).unwrap();
        assert_eq!(first.access_key_id(), second.access_key_id());
        assert_eq!(first.secrets()[0].expose(), second.secrets()[0].expose());
    }

    #[test]
    fn two_runs_never_share_a_pair() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let one = Caller::open(config(one.path())).unwrap();
        let two = Caller::open(config(two.path())).unwrap();
        assert_ne!(one.secrets()[0].expose(), two.secrets()[0].expose());
        assert_eq!(one.secrets()[0].expose().len(), 40);
    }

    #[test]
    fn a_changed_secret_is_accepted_beside_the_one_the_neighbour_holds() {
        let dir = tempfile::tempdir().unwrap();
        let secret_file = dir.path().join("secret");
        std::fs::write(&secret_file, "one\n").unwrap();
        let fixed = FixedPair { access_key_id: "id".to_owned(), secret_file: secret_file.clone() };
        let caller =
            Caller::open(CallerConfig { fixed: Some(fixed), ..config(dir.path()) }).unwrap();
        std::fs::write(&secret_file, "two").unwrap();
        caller.reread().unwrap();
        let accepted: Vec<String> =
            caller.secrets().iter().map(|s| s.expose().to_owned()).collect();
        assert_eq!(accepted, ["two", "one"]);
        std::fs::write(&secret_file, "").unwrap();
        assert!(caller.reread().is_err());
        assert_eq!(caller.secrets()[0].expose(), "two");
    }
}
