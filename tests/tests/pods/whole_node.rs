// SPDX-License-Identifier: Apache-2.0
//! The node dies, and comes back. Its name lets this test come last, when no other is on the node.

use crate::api;
use crate::bed::Bed;
use crate::killed::{UNDER_WAY, some};

#[test]
fn a_restore_outlives_the_nodes_power() {
    if std::env::var_os("KUBECONFIG").is_some() {
        println!("left out: the node of KUBECONFIG is not ours to crash");
        return;
    }
    let bed = Bed::open_alone("power", some());
    bed.back_up();
    bed.hold(UNDER_WAY); // for as long as the store lives, which dies with the node
    bed.start_restore();
    bed.pod_when_moving("kopia-restore", "restore", UNDER_WAY);
    api::run(&["crash"]).expect("the power goes");
    api::run(&["up"]).expect("the power comes back");
    bed.reopen();
    bed.assert_complete("kopia-restore");
    let pods = bed.pods_of("kopia-restore").expect("pods");
    let ended = pods[0].ended("restore").expect("it died with the node");
    assert_ne!(ended.exit, 0, "{ended:?}");
    bed.assert_restored();
}
