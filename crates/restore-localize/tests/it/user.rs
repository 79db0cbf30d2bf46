// SPDX-License-Identifier: Apache-2.0
//! A user without rights and a root that nobody can write, on a volume as Kubernetes gives it to such a
//! pod: root's, of the pod's `fsGroup`, setgid, with `lost+found` in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use stock::{Folder, Sample, Tmpfs};

use crate::PLACE;
use crate::bed::Pod;

const USER: u32 = 65532;
const FS_GROUP: u32 = 2000;

/// What such a pod has.
struct Guarded {
    programs: tempfile::TempDir,
    from: Folder,
    volume: Tmpfs,
}

impl Guarded {
    /// None, and a line that says so, where this process is not root.
    fn new() -> Option<Self> {
        let (pod, volume) = (Pod::new()?, Tmpfs::mounted("200m")?);
        let programs = tempfile::tempdir().unwrap();
        let from = Folder::with(&[&Sample::etcd(PLACE, 1)]);
        let program = env!("CARGO_BIN_EXE_restore-localize");
        fs::copy(program, programs.path().join("restore-localize")).unwrap();
        fs::copy(&pod.tool, programs.path().join("etcdutl")).unwrap();
        [programs.path(), &from.path("")].into_iter().for_each(|it| mode(it, 0o755));
        fs::create_dir(volume.path().join("lost+found")).unwrap();
        mode(&volume.path().join("lost+found"), 0o700);
        chown(volume.path(), Some(0), Some(FS_GROUP)).unwrap();
        mode(volume.path(), 0o2775);
        Some(Self { programs, from, volume })
    }

    fn program(&self, name: &str) -> PathBuf {
        self.programs.path().join(name)
    }

    /// A run as that user, for whom nothing but the volume can be written.
    fn run(&self) -> Output {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation=private", "sh", "-c"]);
        command.args(["mount -o remount,bind,ro / && exec \"$@\"", "sh", "setpriv"]);
        command.args([format!("--reuid={USER}"), format!("--regid={USER}")]);
        command.arg(format!("--groups={FS_GROUP}")).arg(self.program("restore-localize"));
        command.args(["etcd", "--generation=g1", "--name=m0", "--namespace=ns", "--cluster=etcd"]);
        command.args(["--initial-cluster=m0=http://127.0.0.1:2380", "--from", &self.from.url()]);
        command.arg("--tool").arg(self.program("etcdutl"));
        command.arg("--data-dir").arg(self.volume.path());
        command.env("TMPDIR", "/no/such/folder").current_dir("/").output().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.volume.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_user_without_rights_restores_into_the_root_of_a_volume() {
    let Some(guarded) = Guarded::new() else { return };
    let output = guarded.run();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(guarded.names(), [".pilotfish-volume", "lost+found", "member"]);
    let member = fs::metadata(guarded.volume.path().join("member")).unwrap();
    assert_eq!((member.uid(), member.gid()), (USER, FS_GROUP));
    assert_eq!(member.mode() & 0o777, 0o700, "etcd asks that nobody else can read it");
    let output = guarded.run();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("nothing to restore"));
}

#[test]
fn a_volume_of_somebody_else_is_named() {
    let Some(guarded) = Guarded::new() else { return };
    mode(guarded.volume.path(), 0o755);
    let output = guarded.run();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("fsGroup"));
    assert_eq!(guarded.names(), ["lost+found"]);
}
