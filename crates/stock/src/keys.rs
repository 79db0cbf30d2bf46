// SPDX-License-Identifier: Apache-2.0
//! A pair to encrypt to and to decrypt with.

use std::path::PathBuf;

use age::secrecy::ExposeSecret as _;
use encoding::Recipients;
use tempfile::TempDir;

/// A new pair, as age-keygen writes it.
pub struct Keys {
    folder: TempDir,
    recipients: Recipients,
}

impl Keys {
    /// A pair that nobody else has.
    pub fn random() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = age::x25519::Identity::generate();
        let public = folder.path().join("public");
        std::fs::write(&public, format!("{}\n", identity.to_public())).unwrap();
        let secret = format!("# ops\n{}\n", identity.to_string().expose_secret());
        std::fs::write(folder.path().join("secret"), secret).unwrap();
        Self { recipients: Recipients::read(&public).unwrap(), folder }
    }

    /// Who can read.
    pub fn recipients(&self) -> &Recipients {
        &self.recipients
    }

    /// What `--identity-file` is given.
    pub fn identity_file(&self) -> PathBuf {
        self.folder.path().join("secret")
    }
}
