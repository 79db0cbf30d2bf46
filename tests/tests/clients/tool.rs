// SPDX-License-Identifier: Apache-2.0
//! Where the real programs are, and how one is run to its end.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// The path that `scripts/tools` gave, by `PILOTFISH_<NAME>`.
pub(crate) fn find(name: &str) -> Option<String> {
    let variable = format!("PILOTFISH_{}", name.to_ascii_uppercase());
    let found = std::env::var(&variable).ok().filter(|path| Path::new(path).exists());
    if found.is_none() {
        let required = std::env::var("REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "{name} is not there: {variable} must name it (scripts/tools --env)");
        println!("LEFT OUT: {name} is not there; run scripts/test, or set {variable}");
    }
    found
}

/// A binary of this workspace, beside the folder of this test.
pub(crate) fn ours(name: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let path = test.ancestors().nth(2).context("the target folder")?.join(name);
    ensure!(path.exists(), "{} is not built: cargo build --workspace", path.display());
    Ok(path)
}

/// Runs a program to its end; its failure is an error with what it said.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<String> {
    let shown = format!("{:?}", command.get_program());
    let output = command.env_clear_cloud().output().with_context(|| format!("starting {shown}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{shown} {:?} ended with {}: {said}",
        command.get_args().collect::<Vec<_>>(),
        output.status
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Takes away what a workplace may have set for clouds and certificates.
trait ClearCloud {
    fn env_clear_cloud(&mut self) -> &mut Self;
}

impl ClearCloud for Command {
    fn env_clear_cloud(&mut self) -> &mut Self {
        for name in
            ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_PROFILE"]
        {
            self.env_remove(name);
        }
        for name in
            ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"]
        {
            self.env_remove(name);
        }
        self
    }
}
