// SPDX-License-Identifier: Apache-2.0
//! `BINARY install DIR`: the way into another image.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::harness::{contract, json_lines, run, text};

fn install(dir: &Path) -> Output {
    run(contract(&["install", &dir.display().to_string()]))
}

#[test]
fn the_copy_is_this_very_program_runs_and_has_mode_0755() {
    let dir = TempDir::new().unwrap();
    let output = install(dir.path());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let copy = dir.path().join("contract");
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o7777, 0o755);
    let outcome = &json_lines(&output.stdout)[0]["outcome"];
    assert!(outcome.as_str().unwrap().starts_with("installed "), "{output:?}");
    let version = run({
        let mut copied = Command::new(&copy);
        copied.arg("--version");
        copied
    });
    assert!(text(&version.stdout).starts_with("contract "), "{version:?}");
}

/// A pod that is restarted in place installs again, perhaps while the first copy runs.
#[test]
fn an_older_copy_is_replaced_even_while_it_runs() {
    let dir = TempDir::new().unwrap();
    let copy = dir.path().join("contract");
    assert_eq!(install(dir.path()).status.code(), Some(0));
    let mut running = Command::new(&copy).args(["--end", "hang"]).spawn().unwrap();
    assert_eq!(install(dir.path()).status.code(), Some(0));
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left there");
}

#[test]
fn a_directory_that_is_missing_or_none_is_named_and_exits_69() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "kept").unwrap();
    for (target, part) in [
        (dir.path().join("absent"), "No such file or directory"),
        (file.clone(), "Not a directory"),
    ] {
        let output = install(&target);
        assert_eq!(output.status.code(), Some(69), "{output:?}");
        let said = text(&output.stdout);
        assert!(said.contains(part) && said.contains(&target.display().to_string()), "{said}");
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "kept");
}

#[test]
fn a_missing_argument_is_a_usage_error() {
    assert_eq!(run(contract(&["install"])).status.code(), Some(64));
    let output = run(contract(&["install", "--help"]));
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stdout).contains("usage: contract install DIR"), "{output:?}");
}

/// Runs the installation in a mount namespace of its own, where `dir` is a mount with these options.
fn install_on_a_mount(dir: &Path, options: &str) -> Output {
    let script = "mount -t tmpfs -o \"$1\" none \"$2\" && exec \"$3\" install \"$2\"";
    let program = contract(&[]).get_program().to_owned();
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "--", "sh", "-c", script, "sh", options]);
    command.arg(dir).arg(program);
    run(command)
}

#[test]
fn a_mount_without_exec_is_told_as_such() {
    let dir = TempDir::new().unwrap();
    let output = install_on_a_mount(dir.path(), "noexec");
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(text(&output.stdout).contains("its volume is mounted noexec"), "{output:?}");
}

#[test]
fn a_full_volume_is_told_as_such() {
    let dir = TempDir::new().unwrap();
    let output = install_on_a_mount(dir.path(), "size=64k");
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(text(&output.stdout).contains("No space left on device"), "{output:?}");
}
