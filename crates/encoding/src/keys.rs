// SPDX-License-Identifier: Apache-2.0
//! Who may read, and as whom it is read: files as `age-keygen` writes them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use age::x25519::{Identity, Recipient};

/// A thousand keys.
const LIMIT: u64 = 64 * 1024;

/// The public keys to encrypt to.
#[derive(Clone)]
pub struct Recipients(Vec<Recipient>);

/// The secret keys to decrypt with.
#[derive(Clone)]
pub struct Identities(Vec<Identity>);

/// A file of keys that cannot be used. The text names the file and the line, never what is in it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadKeys(String);

impl Recipients {
    /// Reads a file with a public key (`age1…`) a line.
    ///
    /// # Errors
    /// [`BadKeys`].
    pub fn read(path: &Path) -> Result<Self, BadKeys> {
        keys(path, "a public key: age1…").map(Self)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &dyn age::Recipient> {
        self.0.iter().map(|key| key as &dyn age::Recipient)
    }
}

impl Identities {
    /// Reads a file with a secret key (`AGE-SECRET-KEY-1…`) a line.
    ///
    /// # Errors
    /// [`BadKeys`].
    pub fn read(path: &Path) -> Result<Self, BadKeys> {
        keys(path, "a secret key: AGE-SECRET-KEY-1…").map(Self)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|key| key as &dyn age::Identity)
    }
}

fn keys<K: std::str::FromStr>(path: &Path, form: &str) -> Result<Vec<K>, BadKeys> {
    let shown = path.display();
    let text = read(path).map_err(|error| BadKeys(format!("{shown}: cannot be read: {error}")))?;
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let parse = |(number, line): (usize, &str)| {
        line.parse().map_err(|_| BadKeys(format!("{shown}: line {number} is not {form}")))
    };
    let keys = lines.map(parse).collect::<Result<Vec<K>, BadKeys>>()?;
    if keys.is_empty() { Err(BadKeys(format!("{shown}: has no key"))) } else { Ok(keys) }
}

fn read(path: &Path) -> io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(LIMIT).read_to_string(&mut text)?;
    Ok(text)
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipients({})", self.0.len())
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities({}, redacted)", self.0.len())
    }
}
