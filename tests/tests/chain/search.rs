// SPDX-License-Identifier: Apache-2.0
//! Everything that a run leaves behind, by place, and a search through it.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::ground::Ground;
use crate::process::Process;

/// Half of a secret is a secret too.
const EXCERPT: usize = 16;
/// A multiple of three bytes, so that its base64 is the same whatever follows.
const ENCODED: usize = 15;
/// Where secrets belong, by name: what the cluster and the broker give to be read, the reports that wait, kopia's own
/// settings, and what was restored.
const THEIRS: [&str; 9] = [
    "password",
    "spool",
    "token",
    "kubeconfig",
    "caller.env",
    "device.key",
    "server.key",
    "repository.config",
    "restored",
];

/// Texts and where they stand.
#[derive(Default)]
pub(crate) struct Places(Vec<(String, String)>);

impl Places {
    /// What its admin listener tells whoever asks.
    pub(crate) fn ask(&mut self, process: &Process) {
        for path in ["/metrics", "/stats", "/readyz", "/livez"] {
            self.add(format!("{} {path}", process.name), process.admin(path));
        }
    }

    pub(crate) fn log(&mut self, process: &Process) {
        self.add(format!("{} stdout", process.name), process.run.stdout());
        self.add(format!("{} stderr", process.name), process.run.stderr());
    }

    pub(crate) fn argv(&mut self, ground: &Ground) {
        for (name, line) in ground.argv.seen() {
            self.add(format!("{name} argv"), line);
        }
    }

    /// Termination messages, outcomes and all other files, kopia's own logs among them.
    pub(crate) fn files(&mut self, folder: &Path) -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if THEIRS.contains(&name.as_str()) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                self.files(&entry.path())?;
                continue;
            }
            let bytes = std::fs::read(entry.path())?;
            self.add(name, String::from_utf8_lossy(&bytes).into_owned());
        }
        Ok(())
    }

    fn add(&mut self, place: String, text: String) {
        self.0.push((place, text));
    }

    /// Where a secret stands, as it is or in base64.
    pub(crate) fn found(&self, secret: &str) -> Vec<&str> {
        let excerpt = &secret[..EXCERPT.min(secret.len())];
        let encoded = BASE64_STANDARD.encode(&secret[..ENCODED.min(secret.len())]);
        let has = |text: &str| text.contains(excerpt) || text.contains(&encoded);
        let mut places: Vec<&str> =
            self.0.iter().filter(|(_, text)| has(text)).map(|(place, _)| place.as_str()).collect();
        places.dedup();
        places
    }

    /// How much there is, and of how many places.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.0.len(), self.0.iter().map(|(_, text)| text.len()).sum())
    }

    /// A text of this place, to see that it was looked at.
    pub(crate) fn is_told(&self, place: &str, word: &str) -> bool {
        self.0.iter().any(|(known, text)| known == place && text.contains(word))
    }
}
