// SPDX-License-Identifier: Apache-2.0
//! What a run that ended badly has left in staging: it never boots, and it goes.

use std::path::Path;

use crate::bed::{Pod, small};

/// etcdutl leaves a database behind when it refuses a snapshot; here the run is killed beside it.
#[test]
fn a_member_that_etcds_tool_has_rejected_never_becomes_the_live_one() {
    let Some(pod) = Pod::new() else { return };
    let (folder, sample) = small();
    let damaged = pod.file("damaged.db");
    std::fs::write(&damaged, stock::flipped(sample.bytes(), 30_000)).unwrap();
    let seen = pod.file("seen");
    let rejects = format!(
        "\"$REAL\" snapshot restore '{}' --data-dir \"$DATA\"\nstatus=$?\nls \"$DATA/member/snap\" >'{}'\n",
        damaged.display(),
        seen.display()
    );
    let refusing = pod.fake("refusing", &format!("{rejects}exit $status"));
    let ended = pod.of(&folder).arg("--tool").arg(refusing).end();
    ended.assert(1, &["expected sha256"]);
    assert_eq!(std::fs::read_to_string(&seen).unwrap(), "db\n", "the tool left its database");
    pod.assert_untouched("rejected");
    let killing = pod.fake("killing", &format!("{rejects}kill -9 $PPID"));
    let mut going = pod.of(&folder).arg("--tool").arg(killing).start();
    let status = going.running.wait(std::time::Duration::from_secs(20)).unwrap();
    assert_eq!(status.code(), None, "it was killed");
    assert_eq!(pod.names(), [".pilotfish-g1", ".pilotfish-volume"]);
    assert!(holds(&pod.data_dir().join(".pilotfish-g1"), "db"), "what was rejected is still there");
    pod.restore(&folder).end().assert(0, &["m0 is restored from"]);
    pod.assert_restored("the next run");
}

fn holds(folder: &Path, name: &str) -> bool {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().any(|path| match path.is_dir() {
        true => holds(&path, name),
        false => path.ends_with(name),
    })
}

#[test]
fn what_any_failed_attempt_has_left_goes() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    let data_dir = pod.data_dir();
    for folder in [".pilotfish-g0/0123abcd/data/member/snap", ".pilotfish-g1/x", "lost+found"] {
        std::fs::create_dir_all(data_dir.join(folder)).unwrap();
    }
    for file in [".pilotfish-g0/0123abcd/data/member/snap/db", ".pilotfish-new-x", ".pilotfish-g7"]
    {
        std::fs::write(data_dir.join(file), "left").unwrap();
    }
    pod.restore(&folder).end().assert(0, &[]);
    assert_eq!(pod.names(), [".pilotfish-volume", "lost+found", "member"]);
    pod.marker("made beside leftovers");
}

#[test]
fn a_second_run_at_work_on_the_volume_is_not_disturbed() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    let (begun, go) = (pod.file("begun"), pod.file("go"));
    let body = format!(
        "echo 1 >'{}'\nwhile ! test -e '{}'; do sleep 0.01; done\nexec \"$REAL\" \"$@\"",
        begun.display(),
        go.display()
    );
    let mut first = pod.of(&folder).arg("--tool").arg(pod.fake("waiting", &body)).start();
    first.running.wait_for_file(&begun, std::time::Duration::from_secs(20)).unwrap();
    pod.restore(&folder).end().assert(75, &["another restore is at work"]);
    std::fs::write(go, "").unwrap();
    first.end().assert(0, &["m0 is restored from"]);
    pod.assert_restored("the first one");
}
