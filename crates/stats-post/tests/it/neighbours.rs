// SPDX-License-Identifier: Apache-2.0
//! What neighbours leave in the shared folder, good and odd.

use std::os::unix::fs::symlink;

use crate::harness::{Pod, body, report, taking, tallies};

#[test]
fn two_proxies_are_added_up() {
    let origin = taking();
    let pod = Pod::new(&origin.url(), "canopy-stats");
    pod.moved("kopia.json", [1, 2, 3, 4]);
    pod.moved("upload.json", [10, 20, 30, 40]);
    pod.once().assert(0, &["sent 22 and received 44 bytes"]);
    assert_eq!(body(&report(&origin)), tallies([11, 22, 33, 44]));
}

#[test]
fn odd_files_are_told_once_and_harm_nothing() {
    let origin = taking();
    let pod = Pod::new(&origin.url(), "canopy-stats").args(["--every", "50ms"]);
    let pod = pod.args(["--progress-url", &origin.url()]);
    let shared = pod.path("shared");
    pod.write("half.json", r#"{"sent_raw_bytes": 1"#);
    pod.write("negative.json", r#"{"sent_raw_bytes": -1}"#);
    pod.write("other.json", r#"{"colour": "blue"}"#);
    pod.write("large.json", format!(r#"{{"sent_raw_bytes": 1, "pad": "{}"}}"#, "x".repeat(70_000)));
    pod.write("notes.txt", r#"{"sent_raw_bytes": 1000}"#);
    pod.write("null.json", "\0\0\0");
    std::fs::create_dir(shared.join("folder.json")).unwrap();
    std::fs::write(pod.path("elsewhere"), tallies([9, 9, 9, 9]).to_string()).unwrap();
    symlink(pod.path("elsewhere"), shared.join("link.json")).unwrap();
    symlink("/dev/zero", shared.join("zero.json")).unwrap();
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let mut post = pod.start();
    post.wait("some ticks", |_| origin.heard().len() >= 2);
    let ended = post.stop();
    ended.assert(0, &["reported"]);
    for heard in origin.heard() {
        assert_eq!(body(&heard)["sent_raw_bytes"], 1);
    }
    for name in ["half", "negative", "other", "large", "null", "folder", "link", "zero"] {
        let told = ended.log.matches(&format!("/{name}.json")).count();
        assert_eq!(told, 1, "{name}: {}", ended.log);
    }
}

#[test]
fn a_file_that_is_half_written_at_the_end_counts_as_it_was_last_understood() {
    let origin = taking();
    let pod = Pod::new(&origin.url(), "canopy-stats").args(["--every", "50ms"]);
    let pod = pod.args(["--progress-url", &origin.url()]);
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let mut post = pod.start();
    post.wait("it is read", |_| !origin.heard().is_empty());
    pod.write("proxy.json", r#"{"sent_raw_bytes": 5, "sent_pay"#);
    let ended = post.stop();
    ended.assert(0, &["reported"]);
    assert_eq!(body(&report(&origin)), tallies([1, 2, 3, 4]));
    assert!(ended.log.contains("half of it"), "{}", ended.log);
}

/// A restarted proxy goes on from its file, so that a smaller figure never comes.
#[test]
fn a_proxy_that_is_restarted_is_counted_on() {
    let origin = taking();
    let pod = Pod::new(&origin.url(), "canopy-stats").args(["--every", "50ms"]);
    let pod = pod.args(["--progress-url", &origin.url()]);
    pod.moved("proxy.json", [5, 5, 5, 5]);
    let mut post = pod.start();
    post.wait("it is read", |_| !origin.heard().is_empty());
    // Its volume is there for all of its lives; the file is gone for none of them.
    pod.moved("proxy.json", [5, 5, 5, 5]);
    pod.moved("proxy.json", [8, 8, 8, 8]);
    post.stop().assert(0, &[]);
    let sent = |heard: &testbed::Heard| body(heard)["sent_raw_bytes"].as_u64().unwrap();
    assert!(origin.heard().iter().map(sent).is_sorted());
    assert_eq!(sent(&report(&origin)), 8);
}

#[test]
fn a_folder_that_comes_late_is_read_and_one_that_never_comes_is_told() {
    let origin = taking();
    let pod = Pod::new(&origin.url(), "canopy-stats");
    std::fs::remove_dir(pod.path("shared")).unwrap();
    let mut post = pod.start();
    post.wait("it is told", |post| post.run.stdout().contains("No such file"));
    std::fs::create_dir(pod.path("shared")).unwrap();
    pod.moved("proxy.json", [1, 2, 3, 4]);
    post.stop().assert(0, &["reported"]);
    std::fs::remove_dir_all(pod.path("shared")).unwrap();
    pod.once().assert(2, &["nothing is reported"]);
}
