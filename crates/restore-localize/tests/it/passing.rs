// SPDX-License-Identifier: Apache-2.0
//! Pods that need nothing restored: they start, whatever became of what a restore would need.

use stock::Folder;
use testbed::{FaultPlan, Front, FrontConfig};

use crate::bed::{PLACED, Pod, program, small, tree};

/// Flags of which no value can be used.
const NONSENSE: [&str; 18] = [
    "--from=nowhere",
    "--s3-endpoint=not a url",
    "--store-timeout=soon",
    "--snapshot=none such",
    "--before=yesterday",
    "--class=first",
    "--identity-file=/no/such/file",
    "--initial-cluster=m0",
    "--initial-advertise-peer-urls=here",
    "--name=",
    "--peer-cert=/no/such/file",
    "--tool=/no/such/tool",
    "--claims=nowhere",
    "--claims-s3-endpoint=not a url",
    "--target-namespace=/",
    "--bump-revision=many",
    "--keep-revision",
    "--deadline=later",
];

#[test]
fn a_member_without_a_generation_passes_whatever_else_is_said() {
    let Some(pod) = Pod::new() else { return };
    std::fs::create_dir(pod.data_dir()).unwrap();
    std::fs::write(pod.data_dir().join("anything"), "mine").unwrap();
    let before = tree(&pod.data_dir());
    let run = || program(&["etcd"]).args(NONSENSE).arg("--data-dir").arg(pod.data_dir());
    let words = ["no --generation is set", "nothing was touched"];
    run().end().assert(0, &words);
    run().env("RESTORE_LOCALIZE_GENERATION", "").end().assert(0, &words);
    run().env("ETCD_WAL_DIR", "/wal").end().assert(0, &words);
    assert_eq!(tree(&pod.data_dir()), before);
    // The flags are nonsense indeed, once they are looked at.
    run().args(["--generation", "g1"]).end().assert(64, &["--from", "--class", "--deadline"]);
    assert_eq!(tree(&pod.data_dir()), before);
}

#[test]
fn a_restored_member_needs_neither_store_nor_secrets_nor_tool() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    pod.restore(&folder).end().assert(0, &[]);
    pod.assert_restored("once");
    let before = tree(&pod.data_dir());
    let front = Front::start(FrontConfig::new(([127, 0, 0, 1], 1).into())).unwrap();
    front.plan(FaultPlan::none());
    drop(folder);
    let words = ["holds generation g1 already", "nothing to restore"];
    let gone = ["--credentials-dir=/no/such/folder", "--ca-bundle=/no/such/file"];
    let again = pod.step().args(["--from", "s3://bucket/pre", "--s3-endpoint", &front.url()]);
    let ended = again.args(PLACED).args(gone).args(["--tool", "/no/such/tool"]).end();
    ended.assert(0, &words);
    assert_eq!(ended.facts["changed"], false);
    assert_eq!(front.requests(), 0, "no network is needed");
    let bare = program(&["etcd", "--generation", "g1"]).args(NONSENSE);
    bare.arg("--data-dir").arg(pod.data_dir()).end().assert(0, &words);
    let only = program(&["etcd"]).env("RESTORE_LOCALIZE_GENERATION", "g1");
    only.env("ETCD_DATA_DIR", pod.data_dir()).end().assert(0, &words);
    assert_eq!(tree(&pod.data_dir()), before);
}

#[test]
fn a_second_run_changes_nothing() {
    let Some(pod) = Pod::new() else { return };
    let (folder, _) = small();
    let claims = Folder::new();
    let target = ["--target-namespace", "ns", "--target-cluster", "copy"];
    let run = || pod.restore(&folder).args(["--claims", &claims.url()]).args(target);
    let first = run().end();
    first.assert(0, &["m0 is restored from"]);
    assert_eq!(first.facts["changed"], true);
    let (volume, claimed) = (tree(&pod.data_dir()), claims.tree());
    assert_eq!(claimed.keys().collect::<Vec<_>>(), ["ns/copy/g1/m0", "ns/copy/g1/pin"]);
    run().end().assert(0, &["nothing to restore"]);
    assert_eq!((tree(&pod.data_dir()), claims.tree()), (volume, claimed));
}
