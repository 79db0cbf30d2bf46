// SPDX-License-Identifier: Apache-2.0
//! What the command finds in its environment.

use std::os::unix::fs::PermissionsExt;

use crate::harness::{Folder, from_file, run, run_with, text};

#[test]
fn the_lines_of_a_file_become_variables() {
    let folder = Folder::new();
    let lines = "# the pair\nexport A=one\nB='two # 2'\n\nC=\"th\\\"ree\"\n";
    let file = folder.write("env", lines);
    let output =
        run(run_with().arg("--env-file").arg(&file).args(["--", "printenv", "A", "B", "C"]));
    assert_eq!(text(&output.stdout), "one\ntwo # 2\nth\"ree\n", "{output:?}");
}

#[test]
fn a_variable_is_a_files_text_less_one_newline() {
    let folder = Folder::new();
    let file = folder.write("password", "two\nlines \n\n");
    let output =
        run(run_with().args(["--env", &from_file("P", &file), "--", "printenv", "-0", "P"]));
    assert_eq!(text(&output.stdout), "two\nlines \n\0", "{output:?}");
}

#[test]
fn the_rest_of_the_environment_stays() {
    let folder = Folder::new();
    let file = folder.write("env", "A=new");
    let mut command = run_with();
    command.env("A", "old").env("B", "kept").arg("--env-file").arg(&file);
    let output = run(command.args(["--", "printenv", "A", "B"]));
    assert_eq!(text(&output.stdout), "new\nkept\n");
}

#[test]
fn a_later_file_wins_over_an_earlier_one_and_a_named_variable_over_both() {
    let folder = Folder::new();
    let one = folder.write("one", "A=1\nB=1\nC=1");
    let two = folder.write("two", "B=2\nC=2");
    let three = folder.write("three", "3");
    let mut command = run_with();
    command.args(["--env", &from_file("C", &three)]);
    command.arg("--env-file").arg(&one).arg("--env-file").arg(&two);
    let output = run(command.args(["--", "printenv", "A", "B", "C"]));
    assert_eq!(text(&output.stdout), "1\n2\n3\n");
}

#[test]
fn the_command_is_looked_up_in_the_path_that_it_will_see() {
    let folder = Folder::new();
    let tool = folder.write("a-tool", "#!/bin/sh\necho found\n");
    std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("PATH={}", tool.parent().unwrap().display());
    let file = folder.write("env", path);
    let output = run(run_with().arg("--env-file").arg(&file).args(["--", "a-tool"]));
    assert_eq!(text(&output.stdout), "found\n", "{output:?}");
}

#[test]
fn all_that_is_wrong_with_the_files_is_named_at_once_and_nothing_they_hold() {
    let folder = Folder::new();
    let lines = folder.write("lines", "A=ok\nhunter2\nB='hunter3\n");
    let nul = folder.write("nul", "hunter4\0");
    let absent = folder.path("absent");
    let last_word = folder.path("last-word");
    let mut command = run_with();
    command.env("RUST_LOG", "trace").arg("--termination-log").arg(&last_word);
    command.arg("--env-file").arg(&lines).arg("--env-file").arg(&absent);
    let output = run(command.args(["--env", &from_file("N", &nul), "--", "echo", "it ran"]));

    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert_eq!(text(&output.stdout), "", "the command must not run");
    let told = text(&output.stderr) + &std::fs::read_to_string(last_word).unwrap();
    for part in [
        format!("--env-file: {}: line 2: ", lines.display()),
        "line 3: ".to_owned(),
        format!("--env-file: {}: cannot be read: ", absent.display()),
        format!("--env N: {}: a NUL byte", nul.display()),
    ] {
        assert_eq!(told.matches(&part).count(), 2, "{part} in {told}");
    }
    assert!(!told.contains("hunter"), "{told}");
}

/// It may be there on a second try, so a Job must not give up: 69, not 64.
#[test]
fn a_file_that_is_not_there_is_an_unavailable_dependency() {
    let folder = Folder::new();
    let output = run(run_with().arg("--env-file").arg(folder.path("absent")).args(["--", "true"]));
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(text(&output.stderr).contains("--wait-for"), "{output:?}");
}

#[test]
fn a_folder_in_place_of_a_file_is_refused() {
    let folder = Folder::new();
    let output = run(run_with().arg("--env-file").arg(folder.path("")).args(["--", "true"]));
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(text(&output.stderr).contains("not a regular file"), "{output:?}");
}

/// Arguments are open to everyone on the machine; the environment is not.
#[test]
fn secrets_are_in_the_environment_and_in_no_argument_and_no_log_line() {
    let folder = Folder::new();
    let lines = folder.write("env", "A=hunter2\n");
    let value = folder.write("value", "hunter3\n");
    let mut command = run_with();
    command.env("RUST_LOG", "trace").arg("--env-file").arg(&lines);
    command.args(["--env", &from_file("B", &value), "--"]);
    let output = run(command.args(["sh", "-c", "cat /proc/$$/cmdline; printenv A B"]));
    let stdout = text(&output.stdout);
    let (arguments, variables) = stdout.rsplit_once('\0').unwrap();
    assert_eq!(variables, "hunter2\nhunter3\n");
    assert!(!arguments.contains("hunter"), "{arguments}");
    let stderr = text(&output.stderr);
    assert!(stderr.contains("environment filled") && !stderr.contains("hunter"), "{stderr}");
}
