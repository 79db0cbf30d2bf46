// SPDX-License-Identifier: Apache-2.0
//! Where etcd's programs are, and how one is run to its end.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A minor version of etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V3_4,
    V3_5,
    V3_6,
}

impl Version {
    pub(crate) const ALL: [Self; 3] = [Self::V3_4, Self::V3_5, Self::V3_6];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V3_4 => "3.4",
            Self::V3_5 => "3.5",
            Self::V3_6 => "3.6",
        }
    }

    /// One of its programs, which lie side by side.
    pub(crate) fn program(self, name: &str) -> PathBuf {
        let variable = format!("PILOTFISH_ETCD_{}", self.name().replace('.', "_"));
        let Some(etcd) = std::env::var_os(&variable) else {
            panic!(
                "{variable} must name etcd {}: run scripts/test, which provides it",
                self.name()
            );
        };
        Path::new(&etcd).with_file_name(name)
    }
}

/// Runs a program with `input` and returns what came of it.
pub(crate) fn attempt<I: AsRef<OsStr>>(
    program: &Path,
    args: impl IntoIterator<Item = I>,
    folder: &Path,
    input: &[u8],
) -> Output {
    let mut child = Command::new(program)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("starting {}: {error}", program.display()));
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // One that does not read its input is no fault.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    })
}

/// Runs a program to its good end and returns what it printed.
pub(crate) fn run<I: AsRef<OsStr> + std::fmt::Debug>(
    program: &Path,
    args: impl IntoIterator<Item = I> + Clone,
    folder: &Path,
    input: &[u8],
) -> String {
    let output = attempt(program, args.clone(), folder, input);
    let shown: Vec<I> = args.into_iter().collect();
    assert!(
        output.status.success(),
        "{} {shown:?} ended with {}: {}",
        program.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
