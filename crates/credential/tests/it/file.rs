// SPDX-License-Identifier: Apache-2.0
//! Files that somebody else keeps fresh.

use std::path::Path;
use std::time::{Duration, SystemTime};

use credential::{Error, Kind, Live, Provider, Settings, SourceSpec, State};
use tempfile::TempDir;

const WAIT: Duration = Duration::from_secs(20);

fn document(id: &str) -> String {
    format!(r#"{{"Version":1,"AccessKeyId":"{id}","SecretAccessKey":"hush"}}"#)
}

fn open(path: &Path) -> Box<dyn Provider> {
    credential::open(&SourceSpec::File(path.to_owned()), None).unwrap()
}

/// Writes beside and renames over, as careful writers do.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, path).unwrap();
}

async fn holds(live: &Live, id: &str) {
    let arrived = async {
        loop {
            let changed = live.changed();
            if live.current().is_some_and(|held| held.credential.access_key_id == id) {
                return;
            }
            changed.await;
        }
    };
    tokio::time::timeout(WAIT, arrived)
        .await
        .unwrap_or_else(|_| panic!("{id} never came: {live:?}"));
}

async fn fails(live: &Live, expected: &str) -> Error {
    let failed = async {
        loop {
            let changed = live.changed();
            match live.status().last_error {
                Some(error) if error.message().contains(expected) => return error,
                _ => changed.await,
            }
        }
    };
    tokio::time::timeout(WAIT, failed).await.expect("no error was noted")
}

async fn refused(path: &Path) -> Error {
    open(path).fetch().await.unwrap_err()
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("aws.json");
    let missing = refused(&path).await;
    assert!(missing.kind() == Kind::Unavailable && missing.message().contains("no such file"));
    assert_eq!(missing.origin(), format!("file:{}", path.display()));
    std::fs::write(&path, "").unwrap();
    let empty = refused(&path).await;
    assert!(empty.kind() == Kind::Invalid && empty.message().contains("empty"), "{empty}");
    std::fs::write(&path, &document("A")[..50]).unwrap();
    let half = refused(&path).await;
    assert!(half.kind() == Kind::Invalid && half.message().contains("half-written"), "{half}");
    std::fs::write(&path, "x".repeat(70_000)).unwrap();
    let large = refused(&path).await;
    assert!(large.kind() == Kind::Invalid && large.message().contains("64 KiB"), "{large}");
    let folder = refused(folder.path()).await;
    assert!(folder.message().contains("not a regular file"), "{folder}");
}

/// Opening a pipe that nobody writes to blocks for ever.
#[tokio::test]
async fn a_pipe_is_refused_and_not_opened() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert!(refused(&path).await.message().contains("not a regular file"));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_comes_late_is_found() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("aws.json");
    let live = Live::start(open(&path), Settings::default());
    assert_eq!(fails(&live, "no such file").await.kind(), Kind::Unavailable);
    assert_eq!(live.status().state, State::Waiting);
    std::fs::write(&path, document("LATE")).unwrap();
    holds(&live, "LATE").await;
    assert_eq!(live.status().last_error, None);
}

#[tokio::test(start_paused = true)]
async fn a_rewritten_file_is_seen_and_a_half_written_one_leaves_the_old_set_serving() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("aws.json");
    replace(&path, &document("ONE"));
    let live = Live::start(open(&path), Settings::default());
    holds(&live, "ONE").await;
    replace(&path, &document("TWO"));
    holds(&live, "TWO").await;
    for (broken, expected) in [("", "empty"), (&document("THREE")[..50], "half-written")] {
        std::fs::write(&path, broken).unwrap();
        let error = fails(&live, expected).await;
        assert!(error.kind() == Kind::Invalid && !error.to_string().contains("hush"), "{error}");
        assert_eq!(live.current().unwrap().credential.access_key_id, "TWO");
    }
    std::fs::write(&path, document("THREE")).unwrap();
    holds(&live, "THREE").await;
    let status = live.status();
    assert_eq!((status.generation, status.refreshes_total, status.last_error), (3, 3, None));
}

/// Kubernetes swaps a symlinked folder beneath the file's path.
#[tokio::test(start_paused = true)]
async fn a_swapped_symlink_is_seen() {
    use std::os::unix::fs::symlink;
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, id) in [("one", "ONE"), ("two", "TWO")] {
        std::fs::create_dir(at(name)).unwrap();
        std::fs::write(at(name).join("aws.json"), document(id)).unwrap();
    }
    symlink("one", at("..data")).unwrap();
    symlink("..data/aws.json", at("aws.json")).unwrap();
    let live = Live::start(open(&at("aws.json")), Settings::default());
    holds(&live, "ONE").await;
    symlink("two", at("..new")).unwrap();
    std::fs::rename(at("..new"), at("..data")).unwrap();
    holds(&live, "TWO").await;
}

#[tokio::test(start_paused = true)]
async fn an_expired_set_in_a_file_names_the_clock_as_the_likely_cause() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("aws.json");
    let past = SystemTime::now() - Duration::from_secs(42 * 60 + 30);
    let past = rfc3339(past);
    let text = document("OLD").replace('}', &format!(r#","Expiration":"{past}"}}"#));
    std::fs::write(&path, text).unwrap();
    let live = Live::start(open(&path), Settings::default());
    let error = fails(&live, "expired 42 min").await;
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(
        error.message().contains("expired 42 min") && error.message().contains("clock"),
        "{error}"
    );
    assert!(live.current().is_none());
}

fn rfc3339(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).unwrap().to_string()
}
