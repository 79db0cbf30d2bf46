// SPDX-License-Identifier: Apache-2.0
//! The file is the program by whose name it is called.

use std::os::unix::fs::symlink;
use std::process::{Command, Output};

const FILE: &str = env!("CARGO_BIN_EXE_pilotfish");
const NAMES: [&str; 5] =
    ["restore-localize", "snapshot-check", "snapshot-prune", "snapshot-read", "snapshot-upload"];

fn called(name: &str, argument: &str) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let link = folder.path().join(name);
    symlink(FILE, &link).expect("a link");
    Command::new(link).arg(argument).output().expect("it runs")
}

#[test]
fn each_name_is_its_program() {
    for name in NAMES {
        let output = called(name, "--version");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{name}: {output:?}");
        assert!(said.starts_with(&format!("{name} ")), "{name} says {said}");
    }
}

#[test]
fn every_program_that_is_linked_has_its_name() {
    let manifest = include_str!("../Cargo.toml");
    let (_, linked) = manifest.split_once("[dependencies]").unwrap();
    let (linked, _) = linked.split_once("\n\n").unwrap();
    let linked: Vec<&str> =
        linked.lines().filter_map(|line| line.strip_suffix(".workspace = true")).collect();
    assert_eq!(linked, NAMES);
}

#[test]
fn another_name_is_bad_usage_and_told_which_there_are() {
    let output = called("pilotfish", "snapshot-read");
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8_lossy(&output.stderr);
    for name in NAMES {
        assert!(said.contains(name), "{name} in {said}");
    }
}

#[test]
fn an_installed_copy_goes_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let volume = folder.path().join("volume");
    std::fs::create_dir(&volume).unwrap();
    let link = folder.path().join("restore-localize");
    symlink(FILE, &link).unwrap();
    let install = Command::new(link).arg("install").arg(&volume).output().unwrap();
    assert!(install.status.success(), "{install:?}");
    let copy = Command::new(volume.join("restore-localize")).arg("--version").output().unwrap();
    assert!(String::from_utf8_lossy(&copy.stdout).starts_with("restore-localize "), "{copy:?}");
}
