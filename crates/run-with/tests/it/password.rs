// SPDX-License-Identifier: Apache-2.0
//! The repository's password: asked of a broker in every mood that one can have.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use testbed::{Issuer, IssuerConfig, Keyring, Mood, REPO_PASSWORD, wait_until};

use crate::harness::{Folder, LIMIT, Running, from_file, run, run_with, text};

fn issuer(token: Option<&str>) -> Issuer {
    let keyring = Arc::new(Keyring::default());
    let token = token.map(str::to_owned);
    let config = IssuerConfig::new(keyring, Duration::from_secs(60));
    Issuer::start(IssuerConfig { token, ..config }).unwrap()
}

/// Asks this broker, and writes to this file.
fn asking(broker: &Issuer, file: &Path) -> Command {
    let mut command = run_with();
    command.args(["--broker", &broker.url(), "--group", "site-a", "--type", "postgres"]);
    command.arg("--repo-password-file").arg(file);
    command
}

fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_command_finds_the_password_in_its_environment_and_its_group_in_the_file() {
    let (folder, broker) = (Folder::new(), issuer(Some("a-token")));
    let file = folder.path("password");
    let mut command = asking(&broker, &file);
    command.arg("--broker-token-file").arg(folder.write("token", "a-token\n"));
    command.args(["--run-id", "9e9e", "--env", &from_file("KOPIA_PASSWORD", &file)]);
    let output = run(command.args(["--", "sh", "-c", "printf %s \"$KOPIA_PASSWORD\""]));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(text(&output.stdout), REPO_PASSWORD);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), REPO_PASSWORD);
    assert_eq!(mode(&file), 0o640);
    let asked = r#"{"group":"site-a","repo_password":true,"run_id":"9e9e","type":"postgres"}"#;
    let asked: serde_json::Value = serde_json::from_str(asked).unwrap();
    assert_eq!(broker.bodies(), [asked]);
}

#[test]
fn a_refusal_ends_it_at_once_with_77_and_the_brokers_words() {
    for (mood, words) in [
        (Mood::Denied, "answered 403: no enabled declaration"),
        (Mood::Conflict, "answered 409: no ready configuration"),
    ] {
        let (folder, broker) = (Folder::new(), issuer(None));
        broker.set_mood(mood);
        let (file, last_word) = (folder.path("password"), folder.path("last-word"));
        let mut command = asking(&broker, &file);
        command.arg("--wait-for").arg(folder.path("never")).args(["--wait-timeout", "1h"]);
        command.arg("--termination-log").arg(&last_word);
        let output = run(command.args(["--", "echo", "it ran"]));
        assert_eq!(output.status.code(), Some(77), "{output:?}");
        assert_eq!((text(&output.stdout), file.exists()), (String::new(), false));
        let last_word = std::fs::read_to_string(last_word).unwrap();
        assert!(last_word.starts_with("the repository's password: broker:http"), "{last_word}");
        assert!(last_word.contains(words), "{last_word}");
        assert_eq!(broker.requests(), 1);
    }
}

#[test]
fn a_broker_that_is_away_is_asked_again_until_it_is_back() {
    let busy = Mood::Failing { status: 503, words: "starting", retry_after: Some(1) };
    for mood in [Mood::Unavailable, Mood::Garbled, busy] {
        let (folder, broker) = (Folder::new(), issuer(None));
        broker.set_mood(mood);
        let file = folder.path("password");
        let mut command = asking(&broker, &file);
        let mut running = Running::start(command.args(["--", "true"]));
        wait_until(LIMIT, "it asks again", || broker.requests() >= 2).unwrap();
        assert!(!file.exists());
        broker.set_mood(Mood::Serving);
        assert_eq!(running.wait().code(), Some(0), "{mood:?}: {}", running.stderr());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), REPO_PASSWORD);
    }
}

#[test]
fn at_the_limit_it_says_what_was_wrong_last_and_does_not_run_the_command() {
    for (mood, words) in [
        (Mood::Refusing, "onnection refused"),
        (Mood::Unavailable, "answered 503: the issuer is down"),
        (Mood::Garbled, "its answer: it is not JSON"),
        (Mood::Hanging, "the broker said nothing within 1s"),
    ] {
        let (folder, broker) = (Folder::new(), issuer(None));
        broker.set_mood(mood);
        let mut command = asking(&broker, &folder.path("password"));
        let output = run(command.args(["--wait-timeout", "1s", "--", "echo", "it ran"]));
        assert_eq!(output.status.code(), Some(69), "{mood:?}: {output:?}");
        assert_eq!(text(&output.stdout), "", "{mood:?}: the command ran");
        assert!(text(&output.stderr).contains(words), "{mood:?}: {output:?}");
    }
}

#[test]
fn a_stop_while_it_asks_ends_it_with_143_and_without_the_command() {
    let (folder, broker) = (Folder::new(), issuer(None));
    broker.set_mood(Mood::Hanging);
    let mut command = asking(&broker, &folder.path("password"));
    let mut running = Running::start(command.args(["--", "echo", "it ran"]).stdout(Stdio::piped()));
    wait_until(LIMIT, "it asks", || broker.requests() == 1).unwrap();
    running.signal(Signal::TERM);
    assert_eq!(running.wait().code(), Some(143), "{}", running.stderr());
    let mut stdout = running.child.stdout.take().unwrap();
    assert_eq!(std::io::read_to_string(&mut stdout).unwrap(), "");
}

#[test]
fn what_was_issued_is_in_no_log_line_not_even_at_trace() {
    let (folder, broker) = (Folder::new(), issuer(Some("a-token")));
    let mut command = asking(&broker, &folder.path("password"));
    command.arg("--broker-token-file").arg(folder.write("token", "a-token"));
    let output = run(command.args(["--", "true"]).env("RUST_LOG", "trace"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("TRACE") || said.contains("DEBUG"), "nothing was logged: {said}");
    for secret in [REPO_PASSWORD, "a-token", "SecretAccessKey"] {
        assert!(!said.contains(secret), "{secret} is in: {said}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named_and_nothing_is_left() {
    let (folder, broker) = (Folder::new(), issuer(None));
    let file: PathBuf = folder.path("no-such-folder").join("password");
    let output = run(asking(&broker, &file).args(["--", "echo", "it ran"]));
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("no-such-folder/password: cannot be written"));
}

#[test]
fn what_is_missing_or_would_do_nothing_is_named_at_once() {
    let refused = |args: &[&str]| {
        let output = run(run_with().args(args).args(["--", "true"]));
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        text(&output.stderr)
    };
    let said = refused(&["--repo-password-file", "/x"]);
    for part in ["--broker is required", "--group is required", "--type is required"] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    let said = refused(&["--broker", "http://b", "--run-id", "r"]);
    assert!(said.contains("--broker is for --repo-password-file alone"), "{said}");
    assert!(said.contains("--run-id is for --repo-password-file alone"), "{said}");
    let said = refused(&["--repo-password-file", "/x", "--broker", "http://user:hunter2@b"]);
    assert!(said.contains("use a token file") && !said.contains("hunter2"), "{said}");
}

/// An operator sets them for every container of a pod: they count where a password is wanted.
#[test]
fn the_restore_operators_own_names_are_read_too() {
    let (folder, broker) = (Folder::new(), issuer(None));
    let file = folder.path("password");
    let told = |command: &mut Command| {
        let names = [("PGRO_GROUP", "site-a"), ("PGRO_TYPE", "t"), ("PGRO_RUN_ID", "r")];
        let output =
            run(command.args(["--", "true"]).envs(names).env("PGRO_BROKER_URL", broker.url()));
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    };
    told(&mut run_with());
    assert_eq!(broker.requests(), 0);
    told(run_with().arg("--repo-password-file").arg(&file));
    assert_eq!(broker.bodies()[0]["group"], "site-a");
    assert_eq!(std::fs::read_to_string(file).unwrap(), REPO_PASSWORD);
}
