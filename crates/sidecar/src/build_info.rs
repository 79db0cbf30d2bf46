// SPDX-License-Identifier: Apache-2.0
//! What this binary is.

/// The same in `--version` and in the first log line.
#[derive(Debug, Clone, Copy)]
pub struct BuildInfo {
    /// The binary's name.
    pub name: &'static str,
    /// The workspace's version.
    pub version: &'static str,
    /// The commit, or `unknown`.
    pub commit: &'static str,
}

/// The build of a named binary.
#[must_use]
pub fn build_info(name: &'static str) -> BuildInfo {
    BuildInfo { name, version: env!("CARGO_PKG_VERSION"), commit: env!("PILOTFISH_COMMIT") }
}
