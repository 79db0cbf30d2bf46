// SPDX-License-Identifier: Apache-2.0
//! Puts the commit into the build, where there is one.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=PILOTFISH_COMMIT");
    let given = std::env::var("PILOTFISH_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(from_git).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=PILOTFISH_COMMIT={commit}");
}

fn from_git() -> Option<String> {
    // Before git is asked: what has no commit yet may have one at the next build. A path that does
    // not exist would count as changed at each build.
    for path in ["../../.git/HEAD", "../../.git/refs/heads"] {
        if std::path::Path::new(path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    if !output.status.success() {
        return None;
    }
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
