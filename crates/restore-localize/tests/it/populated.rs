// SPDX-License-Identifier: Apache-2.0
//! Volumes that hold something: what this generation did not write is left as it is, to the byte.

use std::fs;
use std::path::Path;

use stock::Tmpfs;

use crate::bed::{Pod, small, tree};

/// Lays something into a data directory.
type Lay = fn(&Path);

fn marker(data_dir: &Path, text: &str) {
    fs::create_dir(data_dir.join("member")).unwrap();
    fs::write(data_dir.join("member/pilotfish-restored.json"), text).unwrap();
}

#[test]
fn a_populated_volume_is_left_as_it_is() {
    let lays: [(&str, Lay); 9] = [
        ("`member`", |at| fs::create_dir(at.join("member")).unwrap()),
        ("`member`", |at| fs::write(at.join("member"), "").unwrap()),
        ("`notes.txt`", |at| fs::write(at.join("notes.txt"), "mine").unwrap()),
        ("`lost`", |at| fs::create_dir(at.join("lost")).unwrap()),
        ("marker is damaged", |at| marker(at, "")),
        ("marker is damaged", |at| marker(at, "{\"generation\": \"g1\"")),
        ("marker is damaged", |at| marker(at, "{\"generation\": \"g1\"}")),
        ("marker is damaged", |at| marker(at, "no JSON at all")),
        ("marker is damaged", |at| marker(at, &" ".repeat(100_000))),
    ];
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    for (what, lay) in lays {
        fs::create_dir(pod.data_dir()).unwrap();
        lay(&pod.data_dir());
        let before = tree(&pod.data_dir());
        let ended = pod.restore(&folder).end();
        ended.assert(65, &[what, "nothing was touched", "an empty volume"]);
        assert_eq!(tree(&pod.data_dir()), before, "{what}");
        fs::remove_dir_all(pod.data_dir()).unwrap();
    }
}

#[test]
fn the_restore_of_another_generation_is_left_as_it_is() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    pod.restore(&folder).end().assert(0, &[]);
    let member = pod.data_dir().join("member/pilotfish-restored.json");
    let text = fs::read_to_string(&member).unwrap();
    let earlier = text.replace("\"generation\": \"g1\"", "\"generation\": \"g0\"");
    assert_ne!(earlier, text);
    fs::write(&member, earlier).unwrap();
    let before = tree(&pod.data_dir());
    pod.restore(&folder).end().assert(65, &["the restore of generation g0", "nothing was touched"]);
    assert_eq!(tree(&pod.data_dir()), before);
}

#[test]
fn a_marker_that_is_cut_short_is_not_taken_for_none() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    pod.restore(&folder).end().assert(0, &[]);
    let path = pod.data_dir().join("member/pilotfish-restored.json");
    let whole = fs::read(&path).unwrap();
    for length in [0, 1, whole.len() / 2, whole.len() - 3] {
        fs::write(&path, &whole[..length]).unwrap();
        let before = tree(&pod.data_dir());
        pod.restore(&folder).end().assert(65, &["marker is damaged", "nothing was touched"]);
        assert_eq!(tree(&pod.data_dir()), before, "{length} bytes");
    }
}

#[test]
fn a_volume_that_nobody_may_write_is_named() {
    let (Some(pod), Some(disk)) = (Pod::new(), Tmpfs::mounted("1m")) else { return };
    let pod = pod.on(disk.path());
    fs::create_dir(pod.data_dir()).unwrap();
    disk.seal();
    let (folder, _) = small();
    pod.restore(&folder).end().assert(64, &["mounted read-only"]);
    assert_eq!(pod.names(), [""; 0]);
}

#[test]
fn a_volume_that_is_not_mounted_is_named() {
    let Some(pod) = Pod::new() else { return };
    let pod = pod.on(Path::new("/no/such/mount"));
    let (folder, _) = small();
    pod.restore(&folder).end().assert(64, &["/no/such/mount", "mounted there"]);
}
