// SPDX-License-Identifier: Apache-2.0
//! kill -9 of the program at any moment, and what etcd's tool does when nobody waits for it any more.

use std::time::{Duration, Instant};

use stock::{Folder, Run};
use testbed::wait_until;

use crate::bed::{Pod, small};

const ROUNDS: u32 = 20;

fn claimed(pod: &Pod, folder: &Folder, claims: &Folder) -> Run {
    let target = ["--target-namespace", "ns", "--target-cluster", "copy"];
    pod.restore(folder).args(["--claims", &claims.url()]).args(target)
}

#[test]
fn killed_at_any_moment_the_next_run_makes_it_complete() {
    let (folder, _) = small();
    let Some(pod) = Pod::new() else { return };
    let begun = Instant::now();
    claimed(&pod, &folder, &Folder::new()).end().assert(0, &[]);
    let span = begun.elapsed();
    for round in 0..ROUNDS {
        let (Some(pod), claims) = (Pod::new(), Folder::new()) else { return };
        let moment = span * round / ROUNDS + jitter(span / ROUNDS);
        let mut going = claimed(&pod, &folder, &claims).start();
        // Not to wait for anything: any moment is as good as another.
        std::thread::sleep(moment);
        going.running.kill().unwrap();
        let what = format!("killed after {moment:?}");
        let is_live = pod.data_dir().join("member").exists();
        if is_live {
            pod.marker(&what);
        }
        println!("{what}: live {is_live}, left {:?}", pod.names());
        claimed(&pod, &folder, &claims).end().assert(0, &[]);
        // A tool that was left alone may still be at it.
        let is_tidy = || {
            claimed(&pod, &folder, &claims).end().assert(0, &["nothing to restore"]);
            pod.names() == [".pilotfish-volume", "member"]
        };
        wait_until(Duration::from_secs(20), "nothing is left", is_tidy).unwrap();
        pod.assert_restored(&what);
    }
}

fn jitter(most: Duration) -> Duration {
    let mut random = [0; 4];
    getrandom::fill(&mut random).unwrap();
    most.mul_f64(f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX))
}

/// Starts a run, and kills it once its tool has begun; gives the run's pod.
fn orphaned(pod: &Pod, folder: &Folder, makes: &str) {
    let begun = pod.file("begun");
    let body = format!("echo $$ >'{}'\n{makes}", begun.display());
    let tool = pod.fake("orphan", &body);
    let mut going = pod.of(folder).arg("--tool").arg(tool).start();
    going.running.wait_for_file(&begun, Duration::from_secs(20)).unwrap();
    going.running.kill().unwrap();
}

#[test]
fn a_tool_that_goes_on_alone_finds_nothing_to_spoil() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    let (go, done) = (pod.file("go"), pod.file("done"));
    let makes = format!(
        "while ! test -e '{}'; do sleep 0.01; done\n\"$REAL\" \"$@\"\necho $? >'{}'",
        go.display(),
        done.display()
    );
    orphaned(&pod, &folder, &makes);
    pod.restore(&folder).end().assert(0, &["m0 is restored from"]);
    let member = crate::bed::tree(&pod.data_dir().join("member"));
    std::fs::write(&go, "").unwrap();
    let is_done = || std::fs::metadata(&done).is_ok_and(|about| about.len() > 0);
    wait_until(Duration::from_secs(20), "the orphan ends", is_done).unwrap();
    assert_eq!(crate::bed::tree(&pod.data_dir().join("member")), member);
    pod.restore(&folder).end().assert(0, &["nothing to restore"]);
    pod.assert_restored("beside an orphan");
}

#[test]
fn a_tool_that_goes_on_writing_does_not_keep_the_next_run_from_it() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    let end = pod.file("end");
    let done = pod.file("done");
    let makes = format!(
        "while ! test -e '{}'; do mkdir -p \"$DATA/a/b\"; echo x >\"$DATA/a/b/c\"; echo x >\"$DATA/d\"; done 2>&-\n\
         echo 1 >'{}'",
        end.display(),
        done.display()
    );
    orphaned(&pod, &folder, &makes);
    let ended = pod.restore(&folder).end();
    std::fs::write(&end, "").unwrap();
    wait_until(Duration::from_secs(20), "the orphan ends", || done.exists()).unwrap();
    ended.assert(0, &["m0 is restored from"]);
    pod.marker("made beside a tool that writes");
    pod.restore(&folder).end().assert(0, &["nothing to restore"]);
    pod.assert_restored("what the orphan left is gone");
}
