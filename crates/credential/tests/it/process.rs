// SPDX-License-Identifier: Apache-2.0
//! Programs that print the document.

use std::path::Path;
use std::time::Duration;

use credential::{Credential, Error, Kind, Provider, SourceSpec};
use tokio::time::Instant;

fn shell(script: &str) -> Box<dyn Provider> {
    let words = ["sh", "-c", script].map(str::to_owned).to_vec();
    credential::open(&SourceSpec::Process(words), None).unwrap()
}

async fn run(script: &str) -> Result<Credential, Error> {
    shell(script).fetch().await
}

#[tokio::test]
async fn the_output_is_the_set() {
    let set =
        run(r#"echo noise >&2; echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s"}'"#);
    let set = set.await.unwrap();
    assert_eq!((set.access_key_id.as_str(), set.expires), ("A", None));
}

#[tokio::test]
async fn the_words_of_the_command_reach_the_program_untouched() {
    let format = r#"{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"s"}"#;
    let spec: SourceSpec = format!("process:printf '{format}' '$HOME;*'").parse().unwrap();
    let set = credential::open(&spec, None).unwrap().fetch().await.unwrap();
    assert_eq!(set.access_key_id, "$HOME;*");
}

#[tokio::test]
async fn a_failure_quotes_the_last_line_of_stderr_and_never_stdout() {
    let error =
        run("echo hush; echo first >&2; echo 'token expired' >&2; exit 3").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(error.to_string(), "process:sh: failed with exit status: 3: token expired");
    let long = run("yes x | tr -d '\\n' | head -c 100000 >&2; exit 1").await.unwrap_err();
    assert!(long.message().chars().count() < 250, "{long}");
    let killed = run("kill -9 $$").await.unwrap_err();
    assert!(killed.message().contains("signal: 9"), "{killed}");
    let nonsense = run("echo hush").await.unwrap_err();
    assert!(
        nonsense.kind() == Kind::Invalid && !nonsense.to_string().contains("hush"),
        "{nonsense}"
    );
}

#[tokio::test]
async fn endless_output_is_cut_and_its_program_killed() {
    let error = run("exec yes").await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Invalid, "printed more than 64 KiB"));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let spec: SourceSpec = "process:/nowhere/get-creds --secret hush".parse().unwrap();
    let error = credential::open(&spec, None).unwrap().fetch().await.unwrap_err();
    assert!(
        error.to_string().starts_with("process:/nowhere/get-creds: cannot be started"),
        "{error}"
    );
    assert!(!error.to_string().contains("hush"), "{error}");
}

/// The clock is paused: the runtime jumps to the time-out while the program sleeps.
#[tokio::test(start_paused = true)]
async fn a_program_that_hangs_is_given_up() {
    let error = run("sleep 1000").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert!(error.message().contains("30 s"), "{error}");
}

#[tokio::test]
async fn an_attempt_that_is_dropped_takes_the_whole_process_group_along() {
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("pid");
    let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", note.display());
    let provider = shell(&script);
    let grandchild = tokio::select! {
        _ = provider.fetch() => panic!("the program cannot end by itself"),
        pid = written(&note) => pid,
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_running(grandchild.trim()) {
        assert!(Instant::now() < deadline, "{grandchild} survived");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn written(path: &Path) -> String {
    loop {
        if let Ok(text) = std::fs::read_to_string(path) {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A killed process that nobody reaped yet does not run.
fn is_running(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .any(|line| line.starts_with("State:") && !line.contains('Z') && !line.contains('X'))
}
