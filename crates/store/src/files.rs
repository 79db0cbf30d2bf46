// SPDX-License-Identifier: Apache-2.0
//! Credentials from the files of a mounted Secret.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;

use crate::error::{Error, Kind};

/// More than any key or connection string; a service account's JSON has about 2.5 KiB.
const LIMIT: u64 = 64 * 1024;

/// The first of some names that is a file in a folder, trimmed. Secrets of other providers are passed over.
///
/// # Errors
/// [`Kind::Usage`] for a file that is there and cannot be read, is empty, or is too large.
pub(crate) fn read(folder: Option<&Path>, names: &[&str]) -> Result<Option<String>, Error> {
    let Some(folder) = folder else { return Ok(None) };
    for name in names {
        let path = folder.join(name);
        match read_one(&path) {
            Ok(text) => return Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let text = format!("{} cannot be used: {error}", path.display());
                return Err(Error::new(Kind::Usage, text));
            }
        }
    }
    Ok(None)
}

fn read_one(path: &Path) -> io::Result<String> {
    let unusable = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let about = fs::metadata(path)?;
    if !about.is_file() || about.len() > LIMIT {
        return Err(unusable("not a small regular file"));
    }
    let text = fs::read_to_string(path)?;
    match text.trim() {
        "" => Err(unusable("it is empty")),
        text => Ok(text.to_owned()),
    }
}

pub(crate) const ACCESS_KEY: &[&str] = &["accessKeyID", "accessKeyId", "AWS_ACCESS_KEY_ID"];
const SECRET_KEY: &[&str] = &["secretAccessKey", "AWS_SECRET_ACCESS_KEY"];
const SESSION: &[&str] = &["sessionToken", "AWS_SESSION_TOKEN"];

/// A pair, and a token with it, read again when the files change: Secrets are rotated under running pods.
#[derive(Debug)]
pub(crate) struct PairInFiles {
    folder: PathBuf,
    held: Mutex<Option<Held>>,
}

/// Credentials, without a Debug of their own.
struct Held {
    changed: Option<SystemTime>,
    credential: Arc<AwsCredential>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl PairInFiles {
    /// # Errors
    /// [`Kind::Usage`] if the files are not a whole pair.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let this = Self { folder: folder.to_owned(), held: Mutex::new(None) };
        this.current()?;
        Ok(this)
    }

    fn current(&self) -> Result<Arc<AwsCredential>, Error> {
        let changed = self.changed();
        let mut held = self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*held {
            Some(held) if changed.is_some() && held.changed == changed => {
                Ok(Arc::clone(&held.credential))
            }
            _ => {
                let credential = Arc::new(self.load()?);
                *held = Some(Held { changed, credential: Arc::clone(&credential) });
                Ok(credential)
            }
        }
    }

    /// When a file last changed. A kubelet swaps a whole folder through a link, which shows here too.
    fn changed(&self) -> Option<SystemTime> {
        let names = [ACCESS_KEY, SECRET_KEY, SESSION].concat();
        let times = names.iter().filter_map(|name| {
            fs::metadata(self.folder.join(name)).and_then(|about| about.modified()).ok()
        });
        times.max()
    }

    fn load(&self) -> Result<AwsCredential, Error> {
        let folder = Some(self.folder.as_path());
        let lacks = |name: &str| {
            let text = format!(
                "{} has no {name}: both halves of the pair are needed",
                self.folder.display()
            );
            Error::new(Kind::Usage, text)
        };
        let key_id = read(folder, ACCESS_KEY)?.ok_or_else(|| lacks(ACCESS_KEY[0]))?;
        let secret_key = read(folder, SECRET_KEY)?.ok_or_else(|| lacks(SECRET_KEY[0]))?;
        Ok(AwsCredential { key_id, secret_key, token: read(folder, SESSION)? })
    }
}

#[async_trait]
impl CredentialProvider for PairInFiles {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        self.current()
            .map_err(|error| object_store::Error::Generic { store: "S3", source: Box::new(error) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_pair_is_refused_and_a_rotated_one_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("accessKeyID", "AKIA1\n");
        let refused = PairInFiles::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("secretAccessKey"), "{refused}");
        write("secretAccessKey", "hunter2");
        let pair = PairInFiles::open(folder.path()).unwrap();
        assert_eq!(pair.current().unwrap().key_id, "AKIA1");
        write("accessKeyID", "AKIA2");
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        let file = fs::File::options().write(true).open(folder.path().join("accessKeyID")).unwrap();
        file.set_modified(later).unwrap();
        assert_eq!(pair.current().unwrap().key_id, "AKIA2");
        assert!(!format!("{pair:?}").contains("hunter2"));
    }
}
