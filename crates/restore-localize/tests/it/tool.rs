// SPDX-License-Identifier: Apache-2.0
//! etcd's own tool: missing, wrong, too old, failing, or never ending.

use std::path::Path;
use std::time::Duration;

use stock::{Folder, Run, Sample};
use testbed::etcd::Version;

use crate::PLACE;
use crate::bed::{OF_3_4, OF_3_5, Pod, small, utl};

fn with(pod: &Pod, folder: &Folder, tool: &Path) -> Run {
    pod.of(folder).arg("--tool").arg(tool)
}

#[test]
fn a_tool_that_cannot_be_used_is_found_out_before_anything_is_fetched() {
    let Some(pod) = Pod::new() else { return };
    let (folder, sample) = small();
    // What is fetched is damaged, so that who fetches it ends otherwise.
    folder.write(&sample.data_key(), stock::flipped(sample.stored(), 9));
    let text = pod.file("text");
    std::fs::write(&text, "not a program").unwrap();
    let mute = pod.script("mute", "exit 0");
    let ctl = pod.tool.with_file_name("etcdctl");
    for (tool, words) in [
        (Path::new("/no/such/tool"), "/no/such/tool: cannot be run"),
        (&text, "text: cannot be run"),
        (Path::new("/tmp"), "/tmp: cannot be run"),
        (&mute, "does not tell its version"),
        (Path::new("/bin/false"), "/bin/false: it ended with"),
        (&ctl, "etcdctl restores no more: --tool must be its etcdutl"),
    ] {
        with(&pod, &folder, tool).end().assert(64, &[words]);
        pod.assert_untouched(words);
    }
}

#[test]
fn a_tool_is_looked_for_where_images_have_it() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    if !Path::new("/usr/local/bin/etcdutl").exists()
        && !Path::new("/usr/local/bin/etcdctl").exists()
    {
        let none = pod.of(&folder).env("PATH", "/no/such/folder").end();
        none.assert(64, &["neither etcdutl nor etcdctl is in PATH", "--tool"]);
        pod.assert_untouched("no tool");
    }
    let found = pod.of(&folder).env("PATH", pod.tool.parent().unwrap()).end();
    found.assert(0, &[]);
    pod.assert_restored("found in PATH");
}

#[test]
fn a_tool_that_fails_is_quoted() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    let tool =
        pod.fake("failing", "echo 'first words' >&2; echo 'the very last words' >&2; exit 7");
    let ended = with(&pod, &folder, &tool).end();
    ended.assert(1, &["failing 3.6", "exit status: 7", "the very last words"]);
    pod.assert_untouched("a failing tool");
}

/// What is put in the place of the token that the tool is given.
const OTHER_TOKEN: &str =
    "set -- $(echo \"$*\" | sed 's/-token pilotfish/-token other/'); exec \"$REAL\" \"$@\"";

#[test]
fn a_tool_that_makes_another_member_is_found_out() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    let other = pod.file("other.db");
    std::fs::write(&other, OF_3_5).unwrap();
    let another =
        format!("exec \"$REAL\" snapshot restore '{}' --data-dir \"$DATA\"", other.display());
    for (name, makes, code, words) in [
        ("nothing", "exit 0", 1, "snap/db"),
        ("snapshot", &another, 65, "whose revision is"),
        ("token", OTHER_TOKEN, 65, "whose list of members is"),
    ] {
        with(&pod, &folder, &pod.fake(name, makes)).end().assert(code, &[words]);
        pod.assert_untouched(name);
    }
}

#[test]
fn another_member_is_found_out_with_an_etcdctl_of_3_4_too() {
    let Some(tool) = utl(Version::V3_4) else { return };
    let pod = Pod::of_tool(tool);
    let folder = Folder::with(&[&Sample::new(PLACE, 1).content(OF_3_4)]);
    let token = pod.fake("etcdctl", OTHER_TOKEN);
    with(&pod, &folder, &token).end().assert(65, &["whose list of members is", "must be m0 ("]);
    pod.assert_untouched("another token");
}

#[test]
fn a_tool_that_never_ends_is_ended_by_the_deadline_with_all_it_has_started() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    let started = pod.file("started");
    let body = format!("sleep 600 & echo $! >'{}'; wait", started.display());
    // One that makes a member without end, and one that tells no version.
    for tool in [pod.fake("endless", &body), pod.script("silent", &body)] {
        let ended = with(&pod, &folder, &tool).args(["--deadline", "4s"]).end();
        ended.assert(75, &["the deadline of 4s passed"]);
        pod.assert_untouched("an endless tool");
        assert_gone(&started);
    }
}

#[test]
fn sigterm_ends_the_tool_and_leaves_nothing() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    let started = pod.file("started");
    let body =
        format!("\"$REAL\" \"$@\" || exit $?\nsleep 600 & echo $! >'{}'; wait", started.display());
    let mut going = with(&pod, &folder, &pod.fake("endless", &body)).start();
    going.running.wait_for_file(&started, Duration::from_secs(20)).unwrap();
    assert_eq!(pod.names(), [".pilotfish-g1", ".pilotfish-volume"], "it is being made");
    going.running.terminate().unwrap();
    going.end().assert(143, &["stopped when asked"]);
    pod.assert_untouched("stopped");
    assert_gone(&started);
}

/// The process whose number is in this file has ended.
fn assert_gone(file: &Path) {
    let id = std::fs::read_to_string(file).unwrap();
    let stat = format!("/proc/{}/stat", id.trim());
    let is_gone = || match std::fs::read_to_string(&stat) {
        // Dead, and not yet asked for.
        Ok(text) => text.contains(") Z "),
        Err(_) => true,
    };
    testbed::wait_until(Duration::from_secs(10), "what the tool started is gone", is_gone).unwrap();
}

#[test]
fn a_snapshot_of_a_newer_etcd_is_refused() {
    let (Some(v3_5), Some(v3_4)) = (utl(Version::V3_5), utl(Version::V3_4)) else { return };
    for (content, tool, versions) in [
        (stock::small(), &v3_5, ["of etcd 3.6", "has etcd 3.5"]),
        (stock::small(), &v3_4, ["of etcd 3.6", "has etcd 3.4"]),
        (OF_3_5.to_vec(), &v3_4, ["of etcd 3.5", "has etcd 3.4"]),
    ] {
        let Some(pod) = Pod::new() else { return };
        // Its manifest says so, before anything is fetched.
        let known = Sample::etcd_of(PLACE, 1, content.clone());
        let folder = Folder::with(&[&known]);
        folder.write(&known.data_key(), "not looked at");
        with(&pod, &folder, tool).end().assert(64, &versions);
        pod.assert_untouched(versions[0]);
        // Only the database itself says so.
        let unknown = Sample::new(PLACE, 1).content(content);
        with(&pod, &Folder::with(&[&unknown]), tool).end().assert(64, &versions);
        pod.assert_untouched(versions[0]);
    }
}

#[test]
fn a_snapshot_of_the_same_or_an_older_etcd_is_restored() {
    for (content, version) in [
        (OF_3_4, Version::V3_4),
        (OF_3_4, Version::V3_5),
        (OF_3_5, Version::V3_5),
        (OF_3_5, Version::V3_6),
    ] {
        let (Some(pod), Some(tool)) = (Pod::new(), utl(version)) else { return };
        let sample = Sample::etcd_of(PLACE, 1, content.to_vec());
        let ended = with(&pod, &Folder::with(&[&sample]), &tool).end();
        ended.assert(0, &[&sample.id().to_string()]);
        pod.assert_restored(&format!("{version:?}"));
        let is_warned = ended.facts["warnings"].to_string().contains("cannot raise revisions");
        assert_eq!(is_warned, version == Version::V3_4);
    }
}
